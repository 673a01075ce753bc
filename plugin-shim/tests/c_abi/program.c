/* A C99 program on the C ABI: every operator on the CPU, with results that were worked out by hand. */
#include "tensorrt_scatter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int holds, const char *what, int line) {
    if (!holds) {
        fprintf(stderr, "line %d: %s does not hold; last error: \"%s\"\n", line, what, trts_last_error());
        exit(EXIT_FAILURE);
    }
}
#define CHECK(condition) check((condition), #condition, __LINE__)

static int are_close(const float *given, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(given[i] - expected[i]) <= 1e-5f))
            return 0;
    return 1;
}

static float values[5] = {1, 5, 2, 3, 4};
static int64_t sorted_groups[5] = {0, 0, 1, 1, 1};
static int64_t bounds[4] = {0, 2, 2, 5};
static const int64_t five = 5, four = 4, three = 3, two = 2;

static trts_tensor floats(float *data, const int64_t *length) {
    trts_tensor tensor = {data, TRTS_FLOAT32, 1, length, NULL};
    return tensor;
}

static trts_tensor longs(int64_t *data, const int64_t *length) {
    trts_tensor tensor = {data, TRTS_INT64, 1, length, NULL};
    return tensor;
}

static void reductions(void) {
    float result[3], base[2] = {10, 1};
    int64_t positions[3];
    trts_tensor src = floats(values, &five), index = longs(sorted_groups, &five), indptr = longs(bounds, &four);
    trts_tensor out = floats(result, &two), arg_out = longs(positions, &two), start = floats(base, &two);
    trts_options options = TRTS_OPTIONS_INIT;

    CHECK(trts_scatter(&src, &index, NULL, &options, &out, NULL, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){6, 9}, 2));
    options.reduce = TRTS_MUL;
    CHECK(trts_scatter(&src, &index, &start, &options, &out, NULL, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){50, 24}, 2));
    options.reduce = TRTS_MAX;
    CHECK(trts_segment_coo(&src, &index, &start, &options, &out, &arg_out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){10, 4}, 2) && positions[0] == 5 && positions[1] == 4);
    CHECK(trts_segment_coo(&src, &index, &start, &options, &start, NULL, NULL) == TRTS_OK);
    CHECK(are_close(base, (float[]){10, 4}, 2));

    out.shape = &three;
    arg_out.shape = &three;
    options.reduce = TRTS_MIN;
    CHECK(trts_segment_csr(&src, &indptr, &options, &out, &arg_out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){1, 0, 2}, 3));
    CHECK(positions[0] == 0 && positions[1] == 5 && positions[2] == 2);
}

static void gathers(void) {
    float rows[3] = {7, 8, 9}, result[5];
    trts_tensor src = floats(rows, &three), index = longs(sorted_groups, &five), indptr = longs(bounds, &four);
    trts_tensor out = floats(result, &five);

    CHECK(trts_gather_coo(&src, &index, NULL, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){7, 7, 8, 8, 8}, 5));
    CHECK(trts_gather_csr(&src, &indptr, NULL, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){7, 7, 9, 9, 9}, 5));
}

static void gathered_segments(void) {
    float rows[3] = {7, 8, 9}, result[3];
    int64_t positions[3];
    trts_tensor src = floats(rows, &three), index = longs(sorted_groups, &five), indptr = longs(bounds, &four);
    trts_tensor weight = floats(values, &five), out = floats(result, &three), arg_out = longs(positions, &three);
    const trts_tensor *inputs[4];
    trts_options options = TRTS_OPTIONS_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    CHECK(trts_gather_segment_csr(&src, &index, &indptr, NULL, &options, &out, NULL, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){14, 0, 24}, 3));
    options.reduce = TRTS_MAX;
    CHECK(trts_gather_segment_csr(&src, &index, &indptr, &weight, &options, &out, &arg_out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){35, 0, 32}, 3));
    CHECK(positions[0] == 1 && positions[1] == 5 && positions[2] == 4);

    inputs[0] = &src;
    inputs[1] = &index;
    inputs[2] = &indptr;
    inputs[3] = &weight;
    CHECK(trts_query_inputs(TRTS_GATHER_SEGMENT_CSR, inputs, 4, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 3 && requirements.dim_size == -1);
}

static void attention(void) {
    float rows[3] = {7, 8, 9}, equal[5] = {2, 2, 1, 1, 1}, result[3];
    trts_tensor src = floats(rows, &three), index = longs(sorted_groups, &five), indptr = longs(bounds, &four);
    trts_tensor score = floats(equal, &five), out = floats(result, &three);
    const trts_tensor *inputs[4];
    trts_options options = TRTS_OPTIONS_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    CHECK(trts_attention_csr(&src, &index, &indptr, &score, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){7, 0, 8}, 3));

    inputs[0] = &src;
    inputs[1] = &index;
    inputs[2] = &indptr;
    inputs[3] = &score;
    CHECK(trts_query_inputs(TRTS_ATTENTION_CSR, inputs, 4, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 3 && requirements.dim_size == -1);
}

static void pairs_of_rows(void) {
    float rows[3] = {7, 8, 9}, result[5], factor[1] = {2};
    static const int64_t one = 1, five_by_one[2] = {5, 1};
    int64_t ends[5] = {2, 2, 1, 0, 0};
    trts_tensor src = floats(rows, &three), index = longs(sorted_groups, &five), other = floats(values, &five);
    trts_tensor other_index = longs(ends, &five), weight = floats(factor, &one), out = floats(result, five_by_one);
    const trts_tensor *inputs[5];
    trts_options options = TRTS_OPTIONS_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    out.rank = 2;
    CHECK(trts_gather_dot(&src, &index, &other, &other_index, NULL, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){14, 14, 40, 8, 8}, 5));
    options.combine = TRTS_COMBINE_ADD;
    CHECK(trts_gather_dot(&src, &index, &other, &other_index, &weight, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){18, 18, 26, 18, 18}, 5));

    inputs[0] = &src;
    inputs[1] = &index;
    inputs[2] = &other;
    inputs[3] = &other_index;
    inputs[4] = &weight;
    CHECK(trts_query_inputs(TRTS_GATHER_DOT, inputs, 5, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 2 && requirements.shape[0] == 5 && requirements.shape[1] == 1);
}

static void gathered_groups(void) {
    float rows[3] = {7, 8, 9}, result[3];
    int64_t groups[5] = {2, 0, 2, 0, 2}, positions[3];
    trts_tensor src = floats(rows, &three), index = longs(sorted_groups, &five), destination = longs(groups, &five);
    trts_tensor weight = floats(values, &five), out = floats(result, &three), arg_out = longs(positions, &three);
    const trts_tensor *inputs[4];
    trts_options options = TRTS_OPTIONS_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    CHECK(trts_gather_scatter(&src, &index, &destination, NULL, &options, &out, NULL, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){15, 0, 23}, 3));
    options.reduce = TRTS_MAX;
    CHECK(trts_gather_scatter(&src, &index, &destination, &weight, &options, &out, &arg_out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){35, 0, 32}, 3));
    CHECK(positions[0] == 1 && positions[1] == 5 && positions[2] == 4);

    inputs[0] = &src;
    inputs[1] = &index;
    inputs[2] = &destination;
    inputs[3] = &weight;
    CHECK(trts_query_inputs(TRTS_GATHER_SCATTER, inputs, 4, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 3 && requirements.dim_size == 3);

    CHECK(trts_gather_segment_coo(&src, &index, &destination, &weight, &options, &out, NULL, NULL) == TRTS_BAD_INDEX);
    CHECK(strstr(trts_last_error(), "destination[1]") != NULL);
    destination = longs(sorted_groups, &five);
    CHECK(trts_query_inputs(TRTS_GATHER_SEGMENT_COO, inputs, 4, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 2 && requirements.dim_size == 2);
    out = floats(result, &two);
    arg_out = longs(positions, &two);
    CHECK(trts_gather_segment_coo(&src, &index, &destination, &weight, &options, &out, &arg_out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){35, 32}, 2));
    CHECK(positions[0] == 1 && positions[1] == 4);
}

static void groupings(void) {
    int64_t groups[5] = {2, 0, 2, -1, 0}, positions[5], starts[4];
    trts_tensor index = longs(groups, &five), perm = longs(positions, &five), indptr = longs(starts, &four);
    trts_options options = TRTS_OPTIONS_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    CHECK(trts_group_index(&index, &options, &perm, &indptr, NULL) == TRTS_BAD_INDEX);
    options.unchecked = 1;
    CHECK(trts_group_index(&index, &options, &perm, &indptr, NULL) == TRTS_OK);
    CHECK(starts[0] == 0 && starts[1] == 2 && starts[2] == 2 && starts[3] == 4);
    CHECK(positions[0] == 1 && positions[1] == 4 && positions[2] == 0 && positions[3] == 2 && positions[4] == 3);

    CHECK(trts_query(TRTS_GROUP_INDEX, NULL, &index, NULL, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 4 && requirements.dim_size == 3);
}

static void composites(void) {
    float result[5], sum = expf(0) + expf(1) + expf(2);
    trts_tensor src = floats(values, &five), index = longs(sorted_groups, &five), out = floats(result, &five);
    trts_options options = TRTS_OPTIONS_INIT;

    CHECK(trts_softmax(&src, &index, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result + 2, (float[]){expf(0) / sum, expf(1) / sum, expf(2) / sum}, 3));
    CHECK(trts_log_softmax(&src, &index, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result + 2, (float[]){-logf(sum), 1 - logf(sum), 2 - logf(sum)}, 3));
    out.shape = &two;
    CHECK(trts_logsumexp(&src, &index, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result + 1, (float[]){2 + logf(sum)}, 1));
    CHECK(trts_std(&src, &index, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){sqrtf(8), 1}, 2));
    options.unbiased = 0;
    CHECK(trts_std(&src, &index, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){2, sqrtf(2 / 3.0f)}, 2));
}

static void composites_over_segments(void) {
    float result[5], sum = expf(0) + expf(1) + expf(2);
    trts_tensor src = floats(values, &five), indptr = longs(bounds, &four), out = floats(result, &five);
    trts_options options = TRTS_OPTIONS_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    CHECK(trts_softmax_csr(&src, &indptr, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result + 2, (float[]){expf(0) / sum, expf(1) / sum, expf(2) / sum}, 3));
    CHECK(trts_log_softmax_csr(&src, &indptr, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result + 2, (float[]){-logf(sum), 1 - logf(sum), 2 - logf(sum)}, 3));
    out.shape = &three;
    CHECK(trts_logsumexp_csr(&src, &indptr, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result + 1, (float[]){0, 2 + logf(sum)}, 2));
    CHECK(trts_std_csr(&src, &indptr, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){sqrtf(8), 0, 1}, 3));
    options.unbiased = 0;
    CHECK(trts_std_csr(&src, &indptr, &options, &out, NULL) == TRTS_OK);
    CHECK(are_close(result, (float[]){2, 0, sqrtf(2 / 3.0f)}, 3));

    CHECK(trts_query(TRTS_SOFTMAX_CSR, &src, &indptr, NULL, &options, NULL, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 5 && requirements.dim_size == -1);
}

static void questions(void) {
    trts_tensor src = floats(values, &five), index = longs(sorted_groups, &five);
    trts_options options = TRTS_OPTIONS_INIT;
    trts_target target = TRTS_TARGET_INIT;
    trts_requirements requirements = {sizeof requirements, 0, 0, 0, {0}};

    CHECK(trts_query(TRTS_SCATTER, &src, &index, NULL, &options, &target, &requirements) == TRTS_OK);
    CHECK(requirements.rank == 1 && requirements.shape[0] == 2 && requirements.dim_size == 2);
    CHECK(requirements.workspace_bytes == 0);
}

static void mistakes(void) {
    float result[2];
    int64_t position = -1, value = -1, wrong[5] = {0, 1, 2, -7, 1};
    trts_tensor src = floats(values, &five), index = longs(wrong, &five), out = floats(result, &two);

    CHECK(trts_scatter(&src, &index, NULL, NULL, &out, NULL, NULL) == TRTS_BAD_INDEX);
    CHECK(trts_last_bad_index(&position, &value) == TRTS_OK && position == 2 && value == 2);
    CHECK(strstr(trts_last_error(), "index[2]") != NULL);
    CHECK(trts_scatter(NULL, &index, NULL, NULL, &out, NULL, NULL) == TRTS_INVALID_ARGUMENT);
    CHECK(trts_last_bad_index(&position, &value) == TRTS_INVALID_ARGUMENT);
    CHECK(strcmp(trts_last_error(), "src is a null pointer") == 0);
}

int main(void) {
    int32_t registered = -1;

    CHECK(trts_abi_version() == TRTS_ABI_VERSION);
    CHECK(strlen(trts_version()) >= strlen("0.0.0"));
    CHECK(trts_register_plugins(&registered) == TRTS_OK && registered == 0);
    reductions();
    gathers();
    gathered_segments();
    attention();
    pairs_of_rows();
    gathered_groups();
    groupings();
    composites();
    composites_over_segments();
    questions();
    mistakes();
    puts("the C ABI works");
    return EXIT_SUCCESS;
}
