"""Ships ``configs/``, which stands at the top of a checkout, inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["textvae*"]), "textvae.configs"],
    package_dir={"textvae.configs": "configs"},
    package_data={"textvae.configs": ["**/*.yaml"]},
)
