"""The links file: shops, suppliers and links declared in YAML, checked before anything is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import OperatorError
from pipelines.model import MailPolicy
from pipelines.options import LinkOptions, ShopOptions


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ShopDeclaration(_Declared):
    """One customer's store."""

    name: str = ""
    settings: ShopOptions = ShopOptions()


class SupplierDeclaration(_Declared):
    """Who sends feeds, where reports go, and which of them."""

    name: str = ""
    emails: tuple[str, ...] = ()
    mail: MailPolicy = MailPolicy.ALL


class LinkDeclaration(_Declared):
    """An address of a feed and how to treat it."""

    link: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    supplier: str
    shop: str
    url: str = Field(pattern=r"^https?://")
    enabled: bool = True
    emails: tuple[str, ...] = ()
    settings: LinkOptions = LinkOptions()


class LinksFile(_Declared):
    """Everything one links file declares. What it does not name stays as it is in the catalog."""

    shops: dict[str, ShopDeclaration] = {}
    suppliers: dict[str, SupplierDeclaration] = {}
    links: tuple[LinkDeclaration, ...] = ()


def read_links_file(path: Path) -> LinksFile:
    """The declarations of `path`.

    Raises:
        OperatorError: no such file, not YAML, an unknown key, a value that does not fit, a link declared twice or one
            that names a shop or supplier the file does not declare; all problems are named at once.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"no links file at {path}"
        raise OperatorError(msg) from error
    except yaml.YAMLError as error:
        msg = f"{path} is not YAML: {error}"
        raise OperatorError(msg) from error
    try:
        declared = LinksFile.model_validate(content or {})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        msg = f"{path}: {problems}"
        raise OperatorError(msg) from error
    problems_found = [
        *(
            f"link {link.link}: shop {link.shop} is not declared"
            for link in declared.links
            if link.shop not in declared.shops
        ),
        *(
            f"link {link.link}: supplier {link.supplier} is not declared"
            for link in declared.links
            if link.supplier not in declared.suppliers
        ),
        *_twice([link.link for link in declared.links]),
    ]
    if problems_found:
        msg = f"{path}: {'; '.join(problems_found)}"
        raise OperatorError(msg)
    return declared


def _twice(codes: list[str]) -> list[str]:
    return [f"link {code} is declared twice" for code in sorted({c for c in codes if codes.count(c) > 1})]
