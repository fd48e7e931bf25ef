"""Runs Evidently's data drift preset on the benchmark's log as CSV. Arguments: the log, and the training data."""

import sys

import pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

NUMERIC = ["amount", "income", "age", "tenure_days", "ratio", "velocity", "distance_km", "temp_z", "days_since_last"]
CATEGORICAL = ["merchant", "country", "device"]

log, reference = sys.argv[1:]
definition = DataDefinition(numerical_columns=NUMERIC, categorical_columns=CATEGORICAL)
data = [
    Dataset.from_pandas(pandas.read_csv(path, usecols=NUMERIC + CATEGORICAL), data_definition=definition)
    for path in (log, reference)
]
result = Report([DataDriftPreset()]).run(*data)
print(len(result.dict()["metrics"]))
