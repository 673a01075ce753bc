/*
 * The operators of TensorRT Scatter as C functions, in libtensorrt_scatter_plugin.so, on the CPU or a CUDA device.
 *
 * Each operator computes what torch_scatter 2.1.2's function of the same name computes. Nine are not in torch_scatter:
 * gather_segment_csr computes segment_csr of the rows that gather_coo reads, each times its weight. gather_segment_coo
 * computes segment_coo of the same rows, and gather_scatter computes scatter of them. group_index sorts the positions
 * of an index's elements by their group. softmax_csr, log_softmax_csr, logsumexp_csr and std_csr compute softmax and
 * its like over the segments of an indptr. attention_csr computes softmax_csr of scores, and with the results as
 * weights gather_segment_csr's sum.
 *
 * The caller owns the tensors.
 * They are row-major and contiguous, have rank 0 to 8, and are aligned to their elements. A call checks its arguments.
 * If one does not fit, the call fails and writes nothing, and trts_last_error() tells why. Every function may be called
 * from any thread. C99, C11 and C++ compile this header.
 *
 *     float values[4] = {1, 5, 2, 3}, sums[2];
 *     int64_t groups[4] = {0, 1, 0, 1}, four = 4, two = 2;
 *     trts_tensor src = {values, TRTS_FLOAT32, 1, &four, NULL};
 *     trts_tensor index = {groups, TRTS_INT64, 1, &four, NULL};
 *     trts_tensor out = {sums, TRTS_FLOAT32, 1, &two, NULL};
 *     trts_options options = TRTS_OPTIONS_INIT;
 *     if (trts_scatter(&src, &index, NULL, &options, &out, NULL, NULL) != TRTS_OK)
 *         fprintf(stderr, "%s\n", trts_last_error());
 */
#ifndef TENSORRT_SCATTER_H
#define TENSORRT_SCATTER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows by one when callers of this header must be changed. */
#define TRTS_ABI_VERSION 1

#define TRTS_MAX_RANK 8

/* The result of a call. */
typedef int32_t trts_status;
enum {
    TRTS_OK = 0,
    /* A null pointer, a type, shape or option that does not fit. */
    TRTS_INVALID_ARGUMENT = 1,
    /* An index that is out of range or not sorted: trts_last_bad_index() tells which. Correct it, or set
     * trts_options.unchecked, which leaves out elements whose index is out of range. */
    TRTS_BAD_INDEX = 2,
    TRTS_OUT_OF_MEMORY = 3,
    /* No CUDA driver, no such device, or one older than compute capability 7.5. */
    TRTS_NO_DEVICE = 4,
    /* The CUDA driver refused. */
    TRTS_CUDA_ERROR = 5,
    /* A bug in the library. */
    TRTS_INTERNAL_ERROR = 6,
    /* The process's TensorRT is not one of 8.5 to 11, or its registry did not take the plugins. */
    TRTS_UNSUPPORTED_TENSORRT = 7
};

/* Types of elements: any for src, base and out; for weight src's, or TRTS_FLOAT32 beside a src of 16-bit floats; for
 * index, destination, other_index, indptr, perm and arg_out TRTS_INT32 or TRTS_INT64. */
typedef int32_t trts_type;
enum {
    TRTS_FLOAT32 = 1,
    TRTS_FLOAT16 = 2,
    TRTS_BFLOAT16 = 3,
    TRTS_FLOAT64 = 4,
    TRTS_INT32 = 5,
    TRTS_INT64 = 6
};

/* Reductions. If only some of the reducing functions have one, a comment names them. */
typedef int32_t trts_reduce;
enum {
    TRTS_SUM = 0,
    TRTS_MUL = 1, /* trts_scatter */
    TRTS_MEAN = 2,
    TRTS_MIN = 3,
    TRTS_MAX = 4
};

/* How trts_gather_dot() combines two values. */
typedef int32_t trts_combine;
enum {
    TRTS_COMBINE_MUL = 0,
    TRTS_COMBINE_ADD = 1
};

/* Operators, for trts_query(). */
typedef int32_t trts_operator;
enum {
    TRTS_SCATTER = 0,
    TRTS_SEGMENT_COO = 1,
    TRTS_SEGMENT_CSR = 2,
    TRTS_GATHER_COO = 3,
    TRTS_GATHER_CSR = 4,
    TRTS_SOFTMAX = 5,
    TRTS_LOG_SOFTMAX = 6,
    TRTS_LOGSUMEXP = 7,
    TRTS_STD = 8,
    TRTS_GATHER_SEGMENT_CSR = 9,
    TRTS_GROUP_INDEX = 10,
    TRTS_GATHER_SCATTER = 11,
    TRTS_SOFTMAX_CSR = 12,
    TRTS_LOG_SOFTMAX_CSR = 13,
    TRTS_LOGSUMEXP_CSR = 14,
    TRTS_STD_CSR = 15,
    TRTS_ATTENTION_CSR = 16,
    TRTS_GATHER_SEGMENT_COO = 17,
    TRTS_GATHER_DOT = 18
};

/* A tensor, in host memory or in the memory of the target's CUDA device. */
typedef struct trts_tensor {
    void *data;             /* may be null where there are no elements */
    trts_type type;
    int32_t rank;           /* 0 to TRTS_MAX_RANK */
    const int64_t *shape;   /* rank sizes, outermost first, each 0 or more; may be null for rank 0 */
    const int64_t *strides; /* null, or rank strides in elements, which must be those of a row-major tensor */
} trts_tensor;

/* How to reduce. Begin with TRTS_OPTIONS_INIT; a null pointer means the same. An operator ignores the options that it
 * does not use. */
typedef struct trts_options {
    size_t struct_size;    /* sizeof(trts_options) */
    trts_reduce reduce;    /* scatter, segment_coo, segment_csr, gather_segment_csr, gather_scatter, gather_segment_coo */
    int32_t unchecked;     /* not 0: leave out elements with bad indices, and do not check for them; only then a call
                              does not wait for its CUDA stream */
    int64_t dim;           /* scatter, softmax, log_softmax, logsumexp, std: the axis of src; negative ones count from
                              the end */
    int64_t dim_size;      /* the number of groups; for gather_csr, of rows of the result; -1: that of base, out or the
                              written indptr; in a query without base or out, that of the index or destination */
    int32_t deterministic; /* scatter, on CUDA: sums and means of floats have the same bits every time */
    int32_t unbiased;      /* std, std_csr: divide by count - 1 */
    double eps;            /* log_softmax, logsumexp, log_softmax_csr, logsumexp_csr: added to a sum before its
                              logarithm */
    trts_combine combine;  /* gather_dot: the product, or the leaky ReLU of the sum */
    int32_t heads;         /* gather_dot: the number of heads */
    double negative_slope; /* gather_dot: what TRTS_COMBINE_ADD multiplies sums below 0 with */
} trts_options;

#define TRTS_OPTIONS_INIT { sizeof(trts_options), TRTS_SUM, 0, -1, -1, 0, 1, 1e-12, TRTS_COMBINE_MUL, 1, 0.2 }

/* Where to compute. A null pointer means the CPU. */
typedef struct trts_target {
    size_t struct_size;     /* sizeof(trts_target) */
    int32_t device;         /* TRTS_CPU, or the number of a CUDA device, whose primary context is used */
    void *stream;           /* CUstream or cudaStream_t of that context; null is its default stream */
    void *workspace;        /* device memory, aligned to 8; only this call uses it until the stream has executed it */
    size_t workspace_bytes; /* as trts_query() says; TRTS_QUERY_WORKSPACE_BYTES for trts_query() itself */
} trts_target;

#define TRTS_CPU (-1)
#define TRTS_TARGET_INIT { sizeof(trts_target), TRTS_CPU, NULL, NULL, 0 }
#define TRTS_QUERY_WORKSPACE_BYTES 8

/* The sizes of an operator's result, and the workspace that it needs. */
typedef struct trts_requirements {
    size_t struct_size;           /* sizeof(trts_requirements), set by the caller */
    size_t workspace_bytes;       /* on CUDA; 0 on the CPU */
    int64_t dim_size;             /* for trts_options: the same as found here; -1 for operators without it */
    int32_t rank;                 /* of out and arg_out; for group_index, of indptr */
    int64_t shape[TRTS_MAX_RANK]; /* the same tensors'; rank of them are set */
} trts_requirements;

/*
 * Finds the shape of an operator's result and the workspace that it needs. It reads the shapes and types of the
 * tensors. It reads the data of index, indptr or destination only if dim_size is -1 and base is null, and never for
 * gather_coo, segment_csr, gather_segment_csr, softmax_csr, log_softmax_csr, logsumexp_csr, std_csr, attention_csr and
 * gather_dot. On CUDA, reading the data waits for the stream and takes TRTS_QUERY_WORKSPACE_BYTES of workspace. src and
 * base are null for the operators that have none; for gather_csr base may be out, and the result then is as long as out.
 * gather_segment_csr, gather_segment_coo, gather_scatter, attention_csr and gather_dot have more inputs, so only
 * trts_query_inputs() takes them. The shape of group_index's perm is index's; the query finds that of indptr.
 */
trts_status trts_query(trts_operator op, const trts_tensor *src, const trts_tensor *index, const trts_tensor *base,
                       const trts_options *options, const trts_target *target, trts_requirements *requirements);

/*
 * trts_query() for operators with any number of inputs: inputs[0] to inputs[input_count - 1] are those of the
 * operator's function, in its order; for segment_csr, gather_coo and gather_csr, base follows. The last ones may be left
 * out where they may be null.
 */
trts_status trts_query_inputs(trts_operator op, const trts_tensor *const *inputs, size_t input_count,
                              const trts_options *options, const trts_target *target, trts_requirements *requirements);

/*
 * The operators. base is torch_scatter's `out`: what the reduction starts from. It may be null, and it may be out
 * itself. Otherwise no output may overlap another tensor. arg_out is for TRTS_MIN and TRTS_MAX, and may be null there
 * too; it has the type of index or indptr. index, indptr, destination and other_index of one call have the same type.
 * weight may be null; then nothing is multiplied. On CUDA, a call puts its work on the stream and returns. It waits only to check the
 * index, or to find dim_size for a softmax or log_softmax.
 *
 * group_index: with index [.., E] and N groups, perm [.., E] has the positions of the elements of group 0, then those
 * of group 1, and so on, each group's in rising order. indptr [.., N + 1] tells where each group begins in perm. Each
 * row has a grouping of its own. If unchecked, elements with an index outside of [0, N) are in no group: their
 * positions fill perm behind indptr[N].
 *
 * gather_scatter: out[.., n, ..] is the reduction of all weight[.., e] * src[.., index[.., e], ..] with
 * destination[.., e] == n, in any order. index and destination are [.., E]; weight is [.., E], or [.., E, H] for H
 * heads of K / H neighbouring columns. arg_out is a position e; it is E for an empty group.
 *
 * gather_segment_coo: gather_scatter for a destination that is sorted along its last axis, without a sort; the results
 * have the same bits. If unchecked, negative destinations may also lie behind all others, as padding.
 *
 * softmax_csr, log_softmax_csr, logsumexp_csr and std_csr: each segment src[.., indptr[.., n]:indptr[.., n + 1], ..] is a
 * group. out of the first two has src's shape, and is 0 where an element is in no segment. out of the others has N in
 * place of the segments' axis.
 *
 * attention_csr: out[.., n, ..] is the sum of all alpha[.., e] * src[.., index[.., e], ..] with
 * indptr[.., n] <= e < indptr[.., n + 1], where alpha is the softmax of score over these e. score is [.., E], or
 * [.., E, H] for H heads of K / H neighbouring columns; of src's type, or TRTS_FLOAT32 beside 16-bit floats. If
 * unchecked, an element with a bad index counts as not in its segment: its score is left out too.
 *
 * gather_dot: with src [.., R, ..] and other [.., S, ..], whose rows have K values each, out [.., E, H] has the scores of
 * pairs of rows in H heads of K / H neighbouring columns: out[.., e, h] is the sum over the columns c of head h of
 * weight[c] * f(src[.., index[.., e], c], other[.., other_index[.., e], c]). f is the product, or the leaky ReLU of the
 * sum. weight is [K], of src's type, or TRTS_FLOAT32 beside 16-bit floats. If unchecked, a pair with a bad index has
 * score 0.
 */
trts_status trts_scatter(const trts_tensor *src, const trts_tensor *index, const trts_tensor *base,
                         const trts_options *options, const trts_tensor *out, const trts_tensor *arg_out,
                         const trts_target *target);
trts_status trts_segment_coo(const trts_tensor *src, const trts_tensor *index, const trts_tensor *base,
                             const trts_options *options, const trts_tensor *out, const trts_tensor *arg_out,
                             const trts_target *target);
trts_status trts_segment_csr(const trts_tensor *src, const trts_tensor *indptr, const trts_options *options,
                             const trts_tensor *out, const trts_tensor *arg_out, const trts_target *target);
trts_status trts_gather_coo(const trts_tensor *src, const trts_tensor *index, const trts_options *options,
                            const trts_tensor *out, const trts_target *target);
trts_status trts_gather_csr(const trts_tensor *src, const trts_tensor *indptr, const trts_options *options,
                            const trts_tensor *out, const trts_target *target);
trts_status trts_softmax(const trts_tensor *src, const trts_tensor *index, const trts_options *options,
                         const trts_tensor *out, const trts_target *target);
trts_status trts_log_softmax(const trts_tensor *src, const trts_tensor *index, const trts_options *options,
                             const trts_tensor *out, const trts_target *target);
trts_status trts_logsumexp(const trts_tensor *src, const trts_tensor *index, const trts_options *options,
                           const trts_tensor *out, const trts_target *target);
trts_status trts_std(const trts_tensor *src, const trts_tensor *index, const trts_options *options,
                     const trts_tensor *out, const trts_target *target);
trts_status trts_gather_segment_csr(const trts_tensor *src, const trts_tensor *index, const trts_tensor *indptr,
                                    const trts_tensor *weight, const trts_options *options, const trts_tensor *out,
                                    const trts_tensor *arg_out, const trts_target *target);
trts_status trts_group_index(const trts_tensor *index, const trts_options *options, const trts_tensor *perm,
                             const trts_tensor *indptr, const trts_target *target);
trts_status trts_gather_scatter(const trts_tensor *src, const trts_tensor *index, const trts_tensor *destination,
                                const trts_tensor *weight, const trts_options *options, const trts_tensor *out,
                                const trts_tensor *arg_out, const trts_target *target);
trts_status trts_gather_segment_coo(const trts_tensor *src, const trts_tensor *index, const trts_tensor *destination,
                                    const trts_tensor *weight, const trts_options *options, const trts_tensor *out,
                                    const trts_tensor *arg_out, const trts_target *target);
trts_status trts_softmax_csr(const trts_tensor *src, const trts_tensor *indptr, const trts_options *options,
                             const trts_tensor *out, const trts_target *target);
trts_status trts_log_softmax_csr(const trts_tensor *src, const trts_tensor *indptr, const trts_options *options,
                                 const trts_tensor *out, const trts_target *target);
trts_status trts_logsumexp_csr(const trts_tensor *src, const trts_tensor *indptr, const trts_options *options,
                               const trts_tensor *out, const trts_target *target);
trts_status trts_std_csr(const trts_tensor *src, const trts_tensor *indptr, const trts_options *options,
                         const trts_tensor *out, const trts_target *target);
trts_status trts_attention_csr(const trts_tensor *src, const trts_tensor *index, const trts_tensor *indptr,
                               const trts_tensor *score, const trts_options *options, const trts_tensor *out,
                               const trts_target *target);
trts_status trts_gather_dot(const trts_tensor *src, const trts_tensor *index, const trts_tensor *other,
                            const trts_tensor *other_index, const trts_tensor *weight, const trts_options *options,
                            const trts_tensor *out, const trts_target *target);

/* Why the last call of this thread failed; "" if it did not. Valid until the thread's next call. */
const char *trts_last_error(void);

/* Where the last call of this thread found a bad index: its row-major position in index or indptr, and its value.
 * trts_last_error() says in which of them. TRTS_INVALID_ARGUMENT where the last call did not answer TRTS_BAD_INDEX.
 * Leaves trts_last_error() as it is. */
trts_status trts_last_bad_index(int64_t *position, int64_t *value);

/* The library's version, such as "0.1.0". */
const char *trts_version(void);

/* Sets the number of threads that an operator on TRTS_CPU may use, the caller's included, for the whole process and for
 * the children that it forks; 0 restores the default, and more than 1,024 count as 1,024. The default is the
 * environment variable RAYON_NUM_THREADS where it is a positive number, else the number of processors that the process
 * may use. Small calls use the caller's thread only. Results do not depend on the number of threads. */
trts_status trts_set_threads(int32_t threads);

/* The number of threads that an operator on TRTS_CPU may use. */
int32_t trts_threads(void);

/* The TRTS_ABI_VERSION that the library was built with. */
int32_t trts_abi_version(void);

/* Registers the plugins with the TensorRT of this process, if its registry does not have them. Loading the library does
 * the same, but cannot find a TensorRT that is loaded later. *registered is 1 if the registry now has all plugins,
 * whoever registered them, and 0 if the process has no TensorRT. Fails with TRTS_UNSUPPORTED_TENSORRT if the process
 * has only a TensorRT that the library has no plugins for: TensorRT-RTX, or a release outside of 8.5 to 11. */
trts_status trts_register_plugins(int32_t *registered);

/* Writes the name of a CUDA device, cut to fit size bytes with a NUL; fails where the device cannot be used. */
trts_status trts_device_name(int32_t device, char *name, size_t size);

/* Device memory, for callers that cannot allocate it themselves. */
typedef struct trts_buffer trts_buffer;
trts_status trts_buffer_new(int32_t device, size_t bytes, trts_buffer **buffer, void **data);
/* Waits for the device. Does nothing for null. */
trts_status trts_buffer_free(trts_buffer *buffer);

/* Waits until the target's stream has done all its work. */
trts_status trts_synchronize(const trts_target *target);

#ifdef __cplusplus
}
#endif

#endif
