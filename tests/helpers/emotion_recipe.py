"""egs/emotion with a tiny encoder, on tiny corpora of the real layouts."""

from pathlib import Path

from helpers.crema_d_tree import write_crema_d
from helpers.iemocap_tree import write_iemocap
from helpers.ravdess_tree import write_ravdess
from helpers.tiny_recipe import TinyRecipe

OPTIONS = {
    "--nj": "2",
    "--allow_incomplete": "true",
    "--attributes": "conf/tiny_attributes.yaml",
    "--phases": "joint=conf/tiny_train.yaml",
}


class EmotionRecipe(TinyRecipe):
    """A copy of the recipe, with the corpora and the encoder next to it."""

    @classmethod
    def lay_out(cls, root: Path) -> "EmotionRecipe":
        """Make `root/{tools,egs/emotion,corpora,encoder}`."""
        recipe = cls.make_in_tree(root, "emotion", "emotion", "whisper")
        for name, write in (("crema_d", write_crema_d), ("ravdess", write_ravdess), ("iemocap", write_iemocap)):
            write(root / "corpora" / name)
        return recipe

    def run_on(self, *corpora: str, options: tuple[str, ...] = (), status: int = 0) -> str:
        """Run on selected corpora, with further options."""
        root = self.path.parents[1]
        words = [word for pair in OPTIONS.items() for word in pair]
        words += ["--encoder", str(root / "encoder")]
        words += [word for name in corpora for word in (f"--{name}", str(root / "corpora" / name))]
        return self.run(*words, *options, status=status)
