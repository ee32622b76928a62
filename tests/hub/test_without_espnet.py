"""Inference without ESPnet: a packed model embeds a waveform in a process that cannot import ESPnet."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from espnet_ext.hub.pack import pack_model
from espnet_ext.inference.utt_encoder import UttEncoder

SCRIPT = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("espnet", "espnet2", "espnet3", "espnetez"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np
import espnet_ext.inference.extract, espnet_ext.hub.pack, espnet_ext.hub.sense
from espnet_ext.inference.utt_encoder import UttEncoder

embeddings = UttEncoder.from_pretrained(sys.argv[1], device="cpu").encode([np.load(sys.argv[2])])
assert not any(name.split(".")[0].startswith("espnet") for name in sys.modules if not name.startswith("espnet_ext"))
print(json.dumps({name: vectors.tolist() for name, vectors in embeddings.items()}))
"""


def test_a_packed_model_embeds_a_waveform_without_espnet(model_folder: Path, tmp_path: Path) -> None:
    packed = pack_model(model_folder, tmp_path / "packed")
    wave = np.random.default_rng(0).normal(0, 0.1, 9000).astype(np.float32)
    np.save(tmp_path / "wave.npy", wave)
    expected = UttEncoder.from_pretrained(packed, device="cpu").encode([wave])
    command = [sys.executable, "-c", SCRIPT, str(packed), str(tmp_path / "wave.npy")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() == expected.keys()
    for name, vectors in found.items():
        np.testing.assert_allclose(vectors, expected[name], atol=1e-6)
