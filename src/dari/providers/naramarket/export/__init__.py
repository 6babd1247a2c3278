"""The store as files: CSV, JSON lines, Parquet by operation and month, OCDS release packages."""
