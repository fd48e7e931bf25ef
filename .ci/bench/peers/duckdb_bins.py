"""Computes with DuckDB what the exporter counts of the benchmark's log: a histogram of each column.

Arguments: the format (json, csv or parquet), the log, the training data, and the number of threads.
"""

import sys

import duckdb

NUMERIC = ["amount", "income", "age", "tenure_days", "ratio", "velocity", "distance_km", "temp_z", "days_since_last"]
CATEGORICAL = ["merchant", "country", "device"]
BINS = 20

format, log, reference, threads = sys.argv[1:]
db = duckdb.connect(config={"threads": int(threads)})
shares = [i / BINS for i in range(1, BINS)]
cuts = db.execute(
    "SELECT " + ", ".join(f"quantile_cont({c}, {shares})" for c in NUMERIC) + " FROM read_csv(?)", [reference]
).fetchone()
if format == "json":
    fields = ", ".join([f"{c} DOUBLE" for c in NUMERIC] + [f"{c} VARCHAR" for c in CATEGORICAL])
    source = (
        "read_json(?, format='newline_delimited', columns={timestamp: 'VARCHAR', id: 'VARCHAR', "
        f"model_version: 'VARCHAR', features: 'STRUCT({fields})', prediction: 'INTEGER', score: 'DOUBLE'}})"
    )
else:
    source = f"read_{format}(?)"
at = "" if format == "csv" else "features."
wanted = [f"histogram({at}{c}, {sorted(set(cut))})" for c, cut in zip(NUMERIC, cuts)]
wanted += [f"histogram({at}{c})" for c in CATEGORICAL]
wanted += ["histogram(prediction)", f"histogram(score, {[i / BINS for i in range(1, BINS)]})", "count(*)"]
print(db.execute("SELECT " + ", ".join(wanted) + f" FROM {source}", [log]).fetchone()[-1])
