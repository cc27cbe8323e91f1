from shop import Shop
def test_fragments_of_one_name(shop: Shop) -> None:
    for name in ("one", "two"):
        (shop.dir / name).mkdir()
    shop.bench.write("one/my.config", "CONFIG_DEBUG_KERNEL=y\nCONFIG_LOCK_STAT=y\n")
    shop.bench.write("two/my.config", "# CONFIG_LOCK_STAT is not set\n")
    for i in range(1, 5):
        shop.series.tag(f"s{i}")
    study = shop.study(configs=(
        "configs:\n  a: { base: tiny, fragments: [virt, ./one/my.config] }\n"
        "  b: { base: tiny, fragments: [virt, ./two/my.config] }\n"))
    shop.run(study, "-j4")
    shop.all_well(5, 2)
    assert len(list(shop.lab.glob("obj/*-????????????????"))) == 2


def test_objects_are_nobody_elses(shop: Shop) -> None:
    """A build of root's can leave a program that runs as root."""
    shop.run(shop.study(series=None))
    assert (shop.lab / "obj").stat().st_mode & 0o777 == 0o700
