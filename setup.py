"""Ships ``configs/``, which stands at the top of a checkout, inside the package."""

from pathlib import Path

from setuptools import find_packages, setup

folders = [path for path in Path("configs").iterdir() if path.is_dir()]
configs = ["textvae.configs", *(f"textvae.configs.{folder.name}" for folder in sorted(folders))]

setup(
    packages=[*find_packages(include=["textvae*"]), *configs],
    package_dir={"textvae.configs": "configs"},
    package_data={
        **{name: ["*.yaml"] for name in configs},
        "textvae": ["models/*/*", "models/*/tokenizer/*"],
        "textvae.compare": ["*.html"],
    },
)
