"""egs/fleurs_voxceleb with a tiny encoder, on tiny corpora of the real layouts."""

from pathlib import Path

from helpers.paper_corpora import write_paper_corpora
from helpers.tiny_recipe import TinyRecipe

OPTIONS = {
    "--ngpu": "0",
    "--nj": "2",
    "--train_set": "fleurs_train voxceleb2_train commonvoice_train",
    "--valid_set": "fleurs_dev voxceleb2_valid commonvoice_dev",
    "--num_valid_speakers": "2",
    "--allow_incomplete": "true",
    "--attributes": "conf/tiny_attributes.yaml",
    "--phases": "joint=conf/tiny_train.yaml",
}


class PaperRecipe(TinyRecipe):
    """A copy of the recipe, with the corpora and the encoder next to it."""

    @classmethod
    def lay_out(cls, root: Path, corpora: Path | None = None) -> "PaperRecipe":
        """Make `root/{tools,egs/fleurs_voxceleb,corpora,encoder}`, with new corpora or those of another recipe."""
        recipe = cls.make_in_tree(root, "fleurs_voxceleb", "paper", "w2v_bert")
        if corpora:
            recipe.corpora.symlink_to(corpora)
        else:
            write_paper_corpora(recipe.corpora)
        return recipe

    @property
    def corpora(self) -> Path:
        """Folder of the corpora."""
        return self.path.parents[1] / "corpora"

    def run_on_corpora(
        self, *options: str, without: tuple[str, ...] = (), status: int = 0, env: dict[str, str] | None = None
    ) -> str:
        """Run with all corpora except some, and further options."""
        words = [word for pair in OPTIONS.items() for word in pair]
        words += ["--encoder", str(self.path.parents[1] / "encoder")]
        for folder in sorted(self.corpora.iterdir()):
            if folder.name not in without:
                words += [f"--{folder.name}", str(folder)]
        return self.run(*words, *options, status=status, env=env)
