"""All readers, imported at once: for a process that others are forked from to read files with."""

from __future__ import annotations

import sys

from pipelines.parse.worker import WithoutPandas

sys.meta_path.insert(0, WithoutPandas())

import pipelines.parse.commerceml.exchange  # noqa: E402 - pandas is out of the way now
import pipelines.parse.json_items  # noqa: E402
import pipelines.parse.table_file  # noqa: E402
import pipelines.parse.yml  # noqa: E402, F401
