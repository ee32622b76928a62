"""egs/emotion with a tiny encoder, on tiny corpora of the real layouts."""

import json
import shutil
from pathlib import Path

from crema_d_tree import write_crema_d
from iemocap_tree import write_iemocap
from ravdess_tree import write_ravdess
from safetensors.torch import save_file
from tiny_encoders import CONFIGS, tiny_encoder
from tiny_recipe import ROOT, TinyRecipe

OPTIONS = {
    "--nj": "2",
    "--allow_incomplete": "true",
    "--attributes": "conf/tiny_attributes.yaml",
    "--phases": "joint=conf/tiny_train.yaml",
}


class EmotionRecipe(TinyRecipe):
    """A copy of the recipe, with the corpora and the encoder beside it."""

    @classmethod
    def lay_out(cls, root: Path) -> "EmotionRecipe":
        """Make `root/{tools,egs/emotion,corpora,encoder}`."""
        recipe = cls.make(root / "egs/emotion", ROOT / "egs/emotion")
        (root / "tools").symlink_to(ROOT / "tools")
        shutil.copytree(ROOT / "tests/egs/emotion/conf", recipe.path / "conf", dirs_exist_ok=True)
        for name, write in (("crema_d", write_crema_d), ("ravdess", write_ravdess), ("iemocap", write_iemocap)):
            write(root / "corpora" / name)
        (root / "encoder").mkdir()
        (root / "encoder/config.json").write_text(json.dumps(CONFIGS["whisper"]))
        save_file(tiny_encoder("whisper").encoder.state_dict(), root / "encoder/model.safetensors")
        return recipe

    def run_on(self, *corpora: str, options: tuple[str, ...] = (), status: int = 0) -> str:
        """Run on some of the corpora, with further options."""
        root = self.path.parents[1]
        words = [word for pair in OPTIONS.items() for word in pair]
        words += ["--encoder", str(root / "encoder")]
        words += [word for name in corpora for word in (f"--{name}", str(root / "corpora" / name))]
        return self.run(*words, *options, status=status)
