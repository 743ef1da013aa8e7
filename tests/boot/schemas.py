# SPDX-License-Identifier: MIT
"""
The schemas of dts/bindings, and what is wrong with a manifest by them: for systems without dt-validate, which is
asked where it is there. What a property's type is, its $ref to dt-schema's types says; a property without one has
the type that dt-schema knows for its name.
"""
import copy
import pathlib
import re
import struct

import jsonschema
from ruamel.yaml import YAML

import devicetree

BINDINGS = pathlib.Path(__file__).resolve().parents[2] / "dts/bindings"
# The types that dt-schema's own schemas give to names and to endings of names.
BY_NAME = {"compatible": "string-array", "device_type": "string", "reg": "reg", "phys": "reg", "#address-cells": "uint32",
           "#size-cells": "uint32"}
BY_ENDING = {"-us": "uint32", "-ms": "uint32"}
# What describes a list where the list has one element is of the element.
OF_ELEMENTS = {"const", "enum", "pattern", "minimum", "maximum"}


class Wrong(Exception):
    """A property that is not of its type."""


def load(path):
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def everything():
    """{name: schema} of the directory."""
    return {path.stem: load(path) for path in sorted(BINDINGS.glob("*.yaml"))}


def type_of(name, rule):
    ref = rule.get("$ref", "") if isinstance(rule, dict) else ""
    ending = next((kind for end, kind in BY_ENDING.items() if name.endswith(end)), None)
    return ref.rpartition("/")[2] or BY_NAME.get(name) or ending or "bytes"


def strings(value):
    if not value.endswith(b"\0"):
        raise Wrong("is not a string")
    return value[:-1].decode("latin-1").split("\0")


def numbers(value, size):
    if not value or len(value) % size:
        raise Wrong(f"is not made of cells of {8 * size} bits")
    return list(struct.unpack(f">{len(value) // size}{'IQ'[size == 8]}", value))


def value_of(kind, value):
    """A property as jsonschema takes it: a list, or True for a flag."""
    if kind == "flag":
        if value:
            raise Wrong("is a flag, which has no value")
        return True
    if kind == "bytes":     # nothing is said of it
        return list(value)
    decoded = strings(value) if kind.startswith("string") else numbers(value, 8 if kind == "uint64" else 4)
    if kind in ("string", "uint32", "uint64") and len(decoded) != 1:
        raise Wrong("is not one value")
    return [decoded] if kind == "reg" else decoded


def of_lists(rule):
    """A schema whose properties describe values as one that describes lists of them."""
    if not isinstance(rule, dict):
        return rule
    rule = {key: value for key, value in rule.items() if key != "$ref"}
    for key in ("properties", "patternProperties"):
        for name, inner in rule.get(key, {}).items():
            rule[key][name] = inner if name == "$nodename" else of_property(inner)
    for key in ("if", "then", "not"):
        if key in rule:
            rule[key] = of_lists(rule[key])
    if "additionalProperties" in rule:
        rule["additionalProperties"] = of_lists(rule["additionalProperties"])
    rule["allOf"] = [of_lists(inner) for inner in rule.get("allOf", [])]
    return rule


def of_property(rule):
    if rule is False:       # whose complaint does not name the property, in newer versions of jsonschema
        return {"not": {}}
    if not isinstance(rule, dict) or rule.get("type") == "object":
        return of_lists(rule)
    if "contains" in rule.get("not", {}) or "contains" in rule:
        return rule
    element = {key: value for key, value in rule.items() if key in OF_ELEMENTS}
    rest = {key: value for key, value in rule.items() if key not in OF_ELEMENTS and key != "$ref"}
    return {"type": ["array", "boolean"], **({"items": element} if element else {}), **rest}


def instance(node, schema):
    """The node as an object for jsonschema, and what is wrong with types."""
    made, wrong = {}, []
    for name, value in node.props.items():
        rule = schema.get("properties", {}).get(name, {})
        try:
            made[name] = value_of(type_of(name, rule), value)
        except Wrong as error:
            wrong.append(f"{name}: {error}")
            made[name] = []
    for child in node.children:
        rule = next((rule for pattern, rule in schema.get("patternProperties", {}).items()
                     if re.search(pattern, child.name)), {})
        made[child.name], more = instance(child, rule)
        wrong += [f"{child.name}: {what}" for what in more]
    return made, wrong


def complaints(blob):
    """[(node, complaint)] about a manifest, as dt-validate has them."""
    found = []
    root = devicetree.parse(blob)
    for schema in everything().values():
        compatible = schema["properties"]["compatible"]["const"]
        for node in root.compatible(compatible):
            made, wrong = instance(node, schema)
            found += [(node.name or "/", what) for what in wrong]
            checker = jsonschema.Draft7Validator(of_lists(copy.deepcopy(schema)))
            for error in checker.iter_errors(made):
                where = ":".join(str(part) for part in error.absolute_path)
                found.append((node.name or "/", f"{where}: {error.message}"))
    return found
