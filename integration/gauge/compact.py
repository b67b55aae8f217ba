"""Writes a compacted copy of an Iceberg table with PyIceberg, as an engine's
rewrite does: the rows in order of a column, in one table snapshot, under the
table's own properties. Prints the copy's metadata file.

Arguments: metadata file of the table, folder of the copy, column."""

import sys
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

metadata, folder, column = sys.argv[1:]
Path(folder).mkdir(parents=True)
table = StaticTable.from_metadata(metadata)
rows = table.scan().to_arrow().sort_by(column)
catalog = SqlCatalog("copy", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
catalog.create_namespace("copy")
written = {k: v for k, v in table.properties.items() if k.startswith("write.parquet.")}
copy = catalog.create_table("copy.t", schema=rows.schema, properties=written)
copy.append(rows)
print(copy.metadata_location)
