"""Reading a chart from a folder or an archive, within bounds."""

from __future__ import annotations

import tarfile

import pytest

from litellm_overlay.commands import chart_files
from litellm_overlay.errors import OverlayError


@pytest.mark.parametrize("packed", [False, True])
def test_a_chart_with_too_many_files_is_refused(tmp_path, monkeypatch, packed):
    """As many as the limit are read, one more is refused."""
    monkeypatch.setattr(chart_files, "_MOST", 2)
    folder = tmp_path / "chart"
    folder.mkdir()
    for name in ("Chart.yaml", "values.yaml"):
        (folder / name).write_text("name: x\n")

    def read():
        if not packed:
            return chart_files.read_chart(folder)
        with tarfile.open(tmp_path / "chart.tgz", "w:gz") as archive:
            for file in folder.iterdir():
                archive.add(file, f"chart/{file.name}")
        return chart_files.read_chart(tmp_path / "chart.tgz")

    assert sorted(read()) == ["Chart.yaml", "values.yaml"]
    (folder / "README.md").write_text("x")
    with pytest.raises(OverlayError, match="more than 2 files"):
        read()
