"""Makes docs/PERFORMANCE.md's table from the lines of CSV that both sides of the comparison print.

    cargo bench --bench peers > ours.csv
    python benches/peers/torch_scatter_times.py TORCH_SCATTER_CUDA_LIBRARY > theirs.csv
    python benches/peers/table.py ours.csv theirs.csv            # the table, and a summary
    python benches/peers/table.py ours.csv theirs.csv before.csv # also how an earlier run of this library compares
"""

import statistics
import sys

# Where there are other ways than torch_scatter's, the fastest counts.
ALSO = {
    "scatter sum": ("scatter_add", "index_add"),
    "gather_coo": ("index_select",),
    "gather_csr": ("repeat_interleave",),
    "segment_csr sum": ("CuPy's sum", "torch's sum"),
}
PATTERNS = ("uniform", "few", "skewed", "sweep")
COLUMNS = ("1", "4", "16", "64", "256")


def read(path):
    """Milliseconds by (operator, pattern, columns)."""
    cells = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.strip().split(",")
            if len(fields) == 5:
                operator, pattern, _rows, columns, milliseconds = fields
                cells[operator, pattern, columns] = float(milliseconds)
    return cells


def theirs_of(theirs, cell):
    """The other side's time for a cell of this library; None where it has none."""
    operator, pattern, columns = cell
    times = [theirs.get((also, pattern, columns)) for also in (operator, *ALSO.get(operator, ()))]
    return min((time for time in times if time is not None), default=None)


def number(milliseconds):
    """A time with three to four digits."""
    return f"{milliseconds:.4f}" if milliseconds < 0.2 else f"{milliseconds:.3f}" if milliseconds < 10 else f"{milliseconds:.1f}"


def summary(name, ratios):
    """The median and the slower cells of (ratio, cell) pairs; a ratio above 1 means that this library is faster."""
    slower = sorted((ratio, cell) for ratio, cell in ratios if ratio < 1)
    print(f"{name}: {len(ratios)} cells, median {statistics.median(ratio for ratio, _ in ratios):.3f} times as fast, "
          f"{len(slower)} slower")
    for ratio, cell in slower:
        print(f"  {1 / ratio:.3f} times the time: {', '.join(cell)}")


def main():
    ours, theirs = read(sys.argv[1]), read(sys.argv[2])
    compared = {cell: theirs_of(theirs, cell) for cell in ours}
    operators = list(dict.fromkeys(operator for operator, _, _ in ours))
    print("| operator | groups | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 2))
    for operator in operators:
        for pattern in PATTERNS:
            row = []
            for columns in COLUMNS:
                cell = (operator, pattern, columns)
                if cell not in ours:
                    row.append("")
                    continue
                other = compared[cell]
                text = f"{number(ours[cell])} / {number(other) if other is not None else '-'}"
                row.append(f"**{text}**" if other is not None and other < ours[cell] else text)
            print(f"| {operator} | {pattern} | " + " | ".join(row) + " |")
    print()
    summary("beside the other library", [(other / ours[cell], cell) for cell, other in compared.items() if other is not None])
    if len(sys.argv) > 3:
        before = read(sys.argv[3])
        summary("beside the earlier run", [(before[cell] / ours[cell], cell) for cell in ours if cell in before])


main()
