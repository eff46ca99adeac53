"""Where the tables of a statement come from, and where what it writes goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from local.athena.errors import StatementError


class ColumnLike(Protocol):
    """A column of the catalogue: `type` is Hive's name."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...


class TableLike(Protocol):
    """What `FolderCatalog` needs of a table's definition: `silent_infinity.domain.lake.model.Table` fits."""

    @property
    def name(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    @property
    def columns(self) -> Sequence[ColumnLike]: ...

    @property
    def partitions(self) -> Sequence[ColumnLike]: ...

    @property
    def projected(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name and Hive's name of its type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: the values of the partition columns in their order, and the location of its files."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True, slots=True)
class TableSource:
    """One table as a statement finds it. Without partition columns it has one partition without values."""

    name: str
    columns: tuple[Field, ...]
    keys: tuple[Field, ...]
    partitions: tuple[Partition, ...]
    location: str


class Catalog(Protocol):
    """The tables of one database, and the folders behind their locations."""

    def table(self, name: str) -> TableSource | None:
        """The table of that name (lower case), or None."""
        ...

    def files(self, location: str) -> Sequence[Path]:
        """The Parquet files below a location, however deep. Names that begin with `_` or `.` are left out."""
        ...

    def is_empty(self, location: str) -> bool:
        """Whether there is no object at all below a location."""
        ...

    def folder(self, location: str) -> Path:
        """A folder to write in what shall lie at that location."""
        ...

    def written(self, location: str, files: Sequence[Path]) -> None:
        """Told once a statement has written files below `folder(location)`."""
        ...

    def create_table(self, table: TableSource) -> None:
        """Register the table of a CREATE TABLE AS."""
        ...

    def add_partitions(self, table: str, partitions: Sequence[Partition]) -> None:
        """Register those partitions of a table that it does not have yet."""
        ...


def partition_folder(keys: Sequence[Field], values: Sequence[str]) -> str:
    """The folder of a partition, such as `dt=2026-11-21/hour=05/`."""
    return "".join(f"{key.name}={value}/" for key, value in zip(keys, values, strict=True))


def visible(path: Path) -> bool:
    """Whether Athena looks at an object: not those whose name begins with `_` or `.`."""
    return not path.name.startswith(("_", "."))


@dataclass
class FolderCatalog:
    """Tables in a folder: `s3://<bucket>/<key>` is `<root>/<bucket>/<key>`.

    Projected tables find their partitions in their folders. All others know those that were registered with
    `swap` or `add_partitions`.
    """

    root: Path
    bucket: str = "lake"
    tables: dict[str, TableSource] = field(default_factory=dict)
    _projected: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, root: Path, tables: Iterable[TableLike], bucket: str = "lake") -> FolderCatalog:
        """A catalogue of these definitions, without any registered partition."""
        catalog = cls(root, bucket)
        for table in tables:
            location = f"s3://{bucket}/{table.prefix}"
            columns = tuple(Field(c.name, c.type) for c in table.columns)
            keys = tuple(Field(c.name, c.type) for c in table.partitions)
            partitions = () if keys else (Partition((), location),)
            catalog.tables[table.name] = TableSource(table.name, columns, keys, partitions, location)
            if table.projected:
                catalog._projected.add(table.name)
        return catalog

    def swap(self, table: str, values: tuple[str, ...], location: str) -> None:
        """Point one partition to a location, whether it was there or not."""
        source = self.tables[table]
        kept = tuple(p for p in source.partitions if p.values != values)
        self.tables[table] = replace(source, partitions=(*kept, Partition(values, location)))

    def table(self, name: str) -> TableSource | None:
        source = self.tables.get(name.lower())
        if source is None or name.lower() not in self._projected:
            return source
        found = sorted(self.folder(source.location).glob("/".join(f"{key.name}=*" for key in source.keys)))
        partitions = []
        for folder in found:
            parts = folder.relative_to(self.folder(source.location)).parts
            values = tuple(unquote(part.partition("=")[2]) for part in parts)
            partitions.append(Partition(values, source.location + partition_folder(source.keys, values)))
        return replace(source, partitions=tuple(partitions))

    def files(self, location: str) -> Sequence[Path]:
        return sorted(path for path in self.folder(location).rglob("*") if path.is_file() and visible(path))

    def is_empty(self, location: str) -> bool:
        return not any(path.is_file() for path in self.folder(location).rglob("*"))

    def folder(self, location: str) -> Path:
        scheme, _, key = location.partition("://")
        if scheme != "s3" or not key.partition("/")[0]:
            raise StatementError("INVALID_TABLE_PROPERTY", f"Not an S3 location: {location}")
        return self.root / key

    def written(self, location: str, files: Sequence[Path]) -> None:
        pass

    def create_table(self, table: TableSource) -> None:
        self.tables[table.name] = table

    def add_partitions(self, table: str, partitions: Sequence[Partition]) -> None:
        source = self.tables[table]
        known = {partition.values for partition in source.partitions}
        new = tuple(p for p in partitions if p.values not in known)
        self.tables[table] = replace(source, partitions=(*source.partitions, *new))
