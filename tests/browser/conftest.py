import sys

from tests.project.documents import ROOT

sys.path.insert(0, str(ROOT / "examples"))  # what the checks of the examples share
