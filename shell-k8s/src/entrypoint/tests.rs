use super::{aside::KEPT, *};

const POD: PodUid = PodUid(1);

fn reset(volume: VolumeId) -> Option<Order> {
    Some(Order { volume, restores: None })
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn a_boot_lasts_as_long_as_its_kernel_and_its_volume() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path().join("data");
    let first = prepare(&volume, POD, "a", None).expect("a start");
    let second = prepare(&volume, POD, "a", None).expect("a start");
    assert_eq!(first.incarnation.boot, second.incarnation.boot);
    assert_ne!(first.incarnation.start, second.incarnation.start);
    let rebooted = prepare(&volume, POD, "b", None).expect("a start");
    assert_ne!(rebooted.incarnation.boot, second.incarnation.boot);
    fs::remove_dir_all(&volume).expect("a lost volume");
    let replaced = prepare(&volume, POD, "b", None).expect("a start");
    assert_ne!(replaced.incarnation.boot, rebooted.incarnation.boot);
}

#[test]
fn a_volume_is_new_until_something_was_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path();
    for file in [None, Some("state.json"), Some("log.0")] {
        if let Some(file) = file {
            fs::write(volume.join(file), "").expect("a file");
        }
        assert_eq!(prepare(volume, POD, "a", None).expect("a start").state, VolumeView::New);
    }
    fs::write(volume.join("log.0"), "x").expect("a log");
    assert_eq!(prepare(volume, POD, "a", None).expect("a start").state, VolumeView::Used);
}

#[test]
fn data_without_a_manifest_is_used_under_a_boot_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("wal")).expect("a folder");
    fs::write(folder.path().join("wal/1"), "x").expect("a log");
    let life = prepare(folder.path(), POD, "a", None).expect("a start");
    assert_eq!(life.state, VolumeView::Used);
}

#[test]
fn an_order_sets_the_data_of_one_volume_aside_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path();
    let first = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
    fs::write(volume.join("log.0"), "data").expect("a log");
    let other = VolumeId(first.0 ^ 1);
    let life = prepare(volume, POD, "a", reset(other)).expect("a start");
    assert_eq!((life.incarnation.volume, life.state), (first, VolumeView::Used));

    let life = prepare(volume, POD, "a", reset(first)).expect("a start");
    assert_ne!(life.incarnation.volume, first);
    assert_eq!(life.state, VolumeView::New);
    let kept = volume.join(ASIDE).join(first.to_string()).join("log.0");
    assert_eq!(fs::read_to_string(&kept).expect("the old log"), "data");

    // The same order again is for a volume that is no more.
    fs::write(volume.join("log.0"), "new data").expect("a log");
    let again = prepare(volume, POD, "a", reset(first)).expect("a start");
    assert_eq!(again.incarnation.volume, life.incarnation.volume);
    assert_eq!(again.state, VolumeView::Used);
    assert_eq!(fs::read_to_string(&kept).expect("the old log"), "data");
}

#[test]
fn a_move_that_was_interrupted_is_finished() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path();
    let old = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
    fs::write(volume.join("log.0"), "data").expect("a log");
    // The order was used up, and the process ended before anything was moved.
    let used_up = Manifest {
        schema: SCHEMA,
        kernel: "a".to_owned(),
        boot: BootId(7),
        volume: VolumeId(8),
        aside: Some(old),
        back: None,
    };
    write(&volume.join(MANIFEST), &used_up).expect("a manifest");
    let life = prepare(volume, POD, "a", None).expect("a start");
    assert_eq!((life.incarnation.volume, life.state), (VolumeId(8), VolumeView::New));
    assert!(volume.join(ASIDE).join(old.to_string()).join("log.0").exists());
}

/// Each has the data that the other had, and nothing is gone.
#[test]
fn what_was_set_aside_is_put_back_in_place_of_what_is_there() {
    for named in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        let first = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
        fs::write(volume.join("log.0"), "first").expect("a log");
        let second = prepare(volume, POD, "a", reset(first)).expect("a start");
        let second = second.incarnation.volume;
        fs::write(volume.join("log.0"), "second").expect("a log");
        let which = if named { Aside::Of(first) } else { Aside::Latest };
        let order = Some(Order { volume: second, restores: Some(which) });
        let life = prepare(volume, POD, "a", order).expect("a start");
        let third = life.incarnation.volume;
        assert!(third != first && third != second, "what it was called counts no more");
        assert_eq!(life.state, VolumeView::Used);
        assert_eq!(text(&volume.join("log.0")), "first");
        let kept = volume.join(ASIDE);
        assert_eq!(text(&kept.join(second.to_string()).join("log.0")), "second");
        assert!(!kept.join(first.to_string()).exists());
        // The same order again finds another volume.
        let again = prepare(volume, POD, "a", order).expect("a start");
        assert_eq!(again.incarnation.volume, third);
        assert_eq!(text(&volume.join("log.0")), "first");
    }
}

#[test]
fn what_is_not_there_is_not_put_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path();
    let first = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
    fs::write(volume.join("log.0"), "first").expect("a log");
    for which in [Aside::Of(VolumeId(7)), Aside::Latest] {
        if which == Aside::Latest {
            fs::remove_dir_all(volume.join(ASIDE)).expect("a folder");
        }
        let now = prepare(volume, POD, "a", None).expect("a start").incarnation.volume;
        let order = Some(Order { volume: now, restores: Some(which) });
        let life = prepare(volume, POD, "a", order).expect("a start");
        assert_eq!(life.state, VolumeView::New);
        assert!(volume.join(ASIDE).join(now.to_string()).is_dir());
    }
    assert_ne!(prepare(volume, POD, "a", None).expect("a start").incarnation.volume, first);
}

/// Wherever a start is interrupted, the next one ends with the same files.
#[test]
fn a_swap_that_was_interrupted_is_finished() {
    let (old, copy) = (VolumeId(5), VolumeId(6));
    for (aside, moved_out, moved_in) in
        [(true, 0, 0), (true, 1, 0), (true, 2, 0), (false, 2, 0), (false, 2, 1), (false, 2, 2)]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let volume = folder.path();
        let (out, back) =
            (volume.join(ASIDE).join(old.to_string()), volume.join(ASIDE).join(copy.to_string()));
        for folder in [&out, &back] {
            fs::create_dir_all(folder).expect("a folder");
        }
        for (number, name) in ["log.0", "state.json"].into_iter().enumerate() {
            let at = if number < moved_out { &out } else { volume };
            fs::write(at.join(name), "present").expect("a file");
            let at = if number < moved_in { volume } else { &back };
            fs::write(at.join(name), "earlier").expect("a file");
        }
        let aside = aside.then_some(old);
        let manifest = Manifest {
            schema: SCHEMA,
            kernel: "a".to_owned(),
            boot: BootId(7),
            volume: VolumeId(8),
            aside,
            back: Some(copy),
        };
        write(&volume.join(MANIFEST), &manifest).expect("a manifest");
        let life = prepare(volume, POD, "a", None).expect("a start");
        assert_eq!((life.incarnation.volume, life.state), (VolumeId(8), VolumeView::Used));
        for name in ["log.0", "state.json"] {
            let found = (text(&volume.join(name)), text(&out.join(name)));
            let told = (aside, moved_out, moved_in);
            assert_eq!(found, ("earlier".to_owned(), "present".to_owned()), "{told:?}");
        }
        assert!(!back.exists());
    }
}

#[test]
fn the_last_few_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let volume = folder.path();
    let mut order = None;
    for _ in 0..KEPT + 3 {
        let life = prepare(volume, POD, "a", order).expect("a start");
        fs::write(volume.join("log.0"), "data").expect("a log");
        order = reset(life.incarnation.volume);
    }
    assert_eq!(fs::read_dir(volume.join(ASIDE)).expect("a folder").count(), KEPT);
}

#[test]
fn a_manifest_that_is_none_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in ["", "{}", r#"{"schema":2,"kernel":"a","boot":"1"}"#] {
        fs::write(folder.path().join(MANIFEST), text).expect("a file");
        let error = prepare(folder.path(), POD, "a", None).expect_err("no manifest");
        assert!(matches!(error, EntryError::Manifest { .. }), "{error}");
    }
}
