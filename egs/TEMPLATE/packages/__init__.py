"""Models and corpora from package registries, for recipes that run without a hub. Needs espnet_ext.

`egs/TEMPLATE/path.sh` puts the folder of this package into PYTHONPATH. `pinned.py` lists every archive.
"""
