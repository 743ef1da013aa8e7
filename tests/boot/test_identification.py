# SPDX-License-Identifier: MIT
"""docs/identification.md lists the fields that guests see as arch/arm64/trap/idreg.c has them."""
import re
import subprocess

import qemu

DOCUMENT = qemu.ROOT / "docs/identification.md"


def test_the_table_of_fields_is_the_sources():
    made = subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/idreg-table"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.endswith("<!-- table -->\n" + made), "run scripts/idreg-table --write"


def test_every_row_of_the_source_is_in_the_table():
    """One that scripts/idreg-table cannot read would be shown and not listed."""
    source = (qemu.ROOT / "arch/arm64/trap/idreg.c").read_text(encoding="utf-8")
    rows = re.search(r"fields\[\] = \{\n(.*?)^\};", source, re.M | re.S)[1]
    text = DOCUMENT.read_text(encoding="utf-8")
    fields = re.findall(r'^\t\w+\((\w+), "(\w+)"', rows, re.M)
    assert len(fields) == rows.count('"') // 2
    for register, field in fields:
        assert re.search(rf"^\| {register}_EL1 \|.*\b{field}\b", text, re.M), (register, field)


def test_el2_executes_no_address_translation(default):
    """Cortex-A57 and A72 may execute an AT too early, in the middle of a switch (1319537, 1319367)."""
    code = subprocess.run([qemu.cross("objdump"), "-d", default / "schism.elf"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    assert re.search(r"\teret\b", code)
    assert not re.findall(r".*\tat\ts1.*", code)
