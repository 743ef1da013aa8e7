# SPDX-License-Identifier: MIT
"""
The schemas of dts/bindings: the manifests of dts/vms satisfy them, and they agree with scripts/mkpackage on what
a VM may hold, and on the broken manifests as far as a schema can tell. By dt-schema where a system has it, and by
schemas.py anywhere.
"""
import re
import shutil
import subprocess

import jsonschema
import pytest

import qemu
import schemas
from broken.cases import CASES, Case, source
from test_broken import files, mkpackage  # pylint: disable=unused-import

BINDINGS = schemas.BINDINGS
# Nothing but the manifest or the package as a whole tells that these are wrong; alignment dt-schema does not check.
BEYOND_A_SCHEMA = {
    "odd entry", "odd mailbox", "odd place of the tree", "tree outside the memory",
    "kernel that is not there", "empty kernel", "entry outside the memory", "mailbox outside the memory",
    "arguments too long for the mailbox", "unknown device", "pinned to too few", "limit below the memory",
}


def schema(name):
    return schemas.load(BINDINGS / f"schism,{name}.yaml")


def by_dt_schema(blobs):
    """{stem of a .dtb: [(node, complaint)]}"""
    done = subprocess.run(["dt-validate", "-s", BINDINGS, "-l", str(BINDINGS), *blobs], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert "error in schema" not in done.stdout and "Traceback" not in done.stdout, done.stdout
    found = {blob.stem: [] for blob in blobs}
    for stem, node, complaint in re.findall(r"^\S*/([^/]+)\.dtb: (\S+): (.*)", done.stdout, re.M):
        found[stem].append((node, complaint))
    return found


def by_schemas(blobs):
    return {blob.stem: schemas.complaints(blob.read_bytes()) for blob in blobs}


@pytest.fixture(scope="module", params=[by_schemas, *([by_dt_schema] if shutil.which("dt-validate") else [])])
def validate(request):
    return lambda directory: request.param(sorted(directory.glob("*.dtb")))


def compile_dts(text, out):
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", out], input=text.encode(), check=True)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory, validate):
    """What the schemas say of each case; of the good manifest under "good"."""
    directory = tmp_path_factory.mktemp("blobs")
    names = {re.sub(r"\W", "_", name): name for name in CASES}
    assert len(names) == len(CASES)
    for stem, name in names.items():
        compile_dts(source(CASES[name]), directory / f"{stem}.dtb")
    compile_dts(source(Case(0, "", "")), directory / "good.dtb")
    return {names.get(stem, stem): found for stem, found in validate(directory).items()}


def test_the_schemas_are_sound():
    for made in schemas.everything().values():
        jsonschema.Draft7Validator.check_schema(made)
        assert made["$id"].startswith("http://devicetree.org/schemas/") and made["properties"]["compatible"]["const"]
    if shutil.which("dt-doc-validate"):
        done = subprocess.run(["dt-doc-validate", *BINDINGS.glob("*.yaml")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        # It wants them below a directory "schemas" of its own.
        complaints_but_paths = re.sub(r".*\$id: relative path/filename doesn't match.*\n\s+expected: .*\n?", "", done.stdout)
        assert not complaints_but_paths.strip(), done.stdout


def test_the_manifests_here_satisfy_the_schemas(default, tmp_path, validate):
    manifests = sorted(path for path in (qemu.ROOT / "dts/vms").glob("*.dts"))
    cpp = [qemu.cross("gcc"), "-E", "-x", "assembler-with-cpp", "-nostdinc", "-I.", "-Iinclude", "-include",
           default / "include/generated/config.h", "-D__DTS__", "-Ulinux", "-Uunix", "-DLINUX_VCPUS=4", "-DLINUX_MIB=64",
           '-DLINUX_BOOTARGS="quiet"']
    for path in manifests:
        text = subprocess.run([*cpp, path], cwd=qemu.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        compile_dts(text, tmp_path / f"{path.stem}.dtb")
    found = validate(tmp_path)
    assert len(found) == len(manifests) >= 10 and not any(found.values()), found


def test_the_generated_trees_node_is_the_schemas(tmp_path, validate):
    """What kernel/load/guest_dtb.c writes, as test_guest_dtb sees it, and one with a property more."""
    code = (qemu.ROOT / "kernel/load/guest_dtb.c").read_text(encoding="utf-8")
    compatible = re.search(r'begin_node\(dtb, "hypervisor", .*\n.*"compatible", "(.*?)"\)', code)[1]
    for name, more in (("good", ""), ("more", "x;")):
        compile_dts(f'/dts-v1/; / {{ hypervisor {{ compatible = "{compatible}"; {more} }}; }};', tmp_path / f"{name}.dtb")
    found = validate(tmp_path)
    assert not [complaint for node, complaint in found["good"] if "hypervisor" in node], found
    assert [complaint for node, complaint in found["more"] if "hypervisor" in node], found


def test_schema_and_mkpackage_know_the_same_properties():
    properties = qemu.scripts_module("manifest.check").PROPERTIES
    vm = schema("vm")
    assert set(vm["properties"]) | {"phandle"} == set(properties)
    assert set(vm["required"]) - {"compatible"} == {name for name, row in properties.items() if row[1]}
    for name, (_, _, _, *arguments) in properties.items():
        rule = vm["properties"].get(name, {})
        if arguments and isinstance(arguments[0], tuple):
            assert rule["enum"] == list(arguments[0]), name
        elif arguments:
            low, high = (min(rule["enum"]), max(rule["enum"])) if "enum" in rule else (rule["minimum"], rule["maximum"])
            assert [low, high] == arguments, name


def test_the_good_manifest_satisfies_the_schemas(complaints):
    assert not complaints["good"]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.code in (11, 18) and case.pack])
def test_what_the_schema_refuses_mkpackage_refuses_for_the_same_node_and_property(complaints, files, tmp_path, name):
    done, _, _ = mkpackage(CASES[name], files, tmp_path)
    node, prop = re.match(r"error: \S+: /?(\S*): (?:([\w,#-]+): )?", done.stderr).groups()
    for where, complaint in complaints[name]:
        assert (prop or node.rsplit("/", 1)[1]) in f"{where} {complaint}", (complaint, done.stderr)
        assert node.split("/")[0] in f"{where} {complaint}", (complaint, done.stderr)


def test_what_a_schema_can_tell_it_tells(complaints):
    """Every case of one wrong property is refused by the schema, too, but for a few that are named here."""
    single = {name for name, case in CASES.items() if case.code == 11 and case.pack and len(case.props) == 1 and
              case.where == f"vm-a: {next(iter(case.props))}"}
    assert {name for name in single if not complaints[name]} == BEYOND_A_SCHEMA & single
    assert len(single) > 35
