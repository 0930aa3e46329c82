//! `docs/configuration.md`, made from the table of settings. A test holds the page against it.

use super::key::variable;
use super::table::{Counts, SETTINGS, Setting, UNIT_SETTINGS};
use std::fmt::{self, Write};

const OPENING: &str = "\
# Configuration

<!-- Made from the table in veridian/src/config/table.rs: `VERIDIAN_WRITE=1 cargo test -p veridian --lib configuration_page`. -->

What holds is read in layers, the later over the earlier:

1. what is built in;
2. `/etc/veridian/*.toml` in the order of their names, or what `--config` names instead: files, or directories of them;
3. variables of the environment: `VERIDIAN_` and the key in capitals, with `_` for `.` and `-`: `VERIDIAN_LIMITS_MAX_CLIENTS=10`. `VERIDIAN_ADDRESS` is older than that rule, and names the system for every command;
4. the command line: `--set KEY=VALUE`, of `up` and `run`;
5. messages to the running system: `veridian config set KEY VALUE`. They last until the next reload, or until init or the system starts again.

| command | what it does |
|---|---|
| `veridian config check [FILES]` | tells everything that is wrong, a line each: `FILE:LINE:COLUMN: what, and what is allowed`. Exit code 1 if anything is |
| `veridian config show [--origin] [--json]` | what holds in the running system, or would in a new one; with `--origin` where each value comes from |
| `veridian config set KEY VALUE` | changes a setting of the running system |
| `veridian config reload` | has the system read its files again. It takes all of what has changed, or nothing: if anything is wrong, or cannot change while the system runs, it says what, and goes on as before |

In files, sizes are texts such as `\"64 MiB\"` or numbers of bytes, and durations texts such as `\"1m 30s\"`. In variables, on the command line and in messages every value is bare text; a list is written as in a file, or is a single element. What `config show` prints can be used as a file.

A file:

```toml
[limits]
max_clients = 100
max_arena = \"16 MiB\"

[units.vfs]
restart = \"on-failure\"
limits.memory = \"2 GiB\"

[units.indexer]
command = [\"/usr/local/bin/indexer\", \"--quiet\"]
needs = [\"vfs\"]
capabilities = [\"vfs: connect, read\"]
```
";

/// The whole page.
#[must_use]
pub fn document() -> String {
    let mut page = OPENING.to_owned();
    // Writing into a text does not fail.
    let _ = write_tables(&mut page);
    page
}

fn write_tables(page: &mut String) -> fmt::Result {
    let mut section = "";
    for setting in SETTINGS {
        let (of, name) = setting.key.split_once('.').unwrap_or_default();
        if of != section {
            section = of;
            heading(page, of)?;
        }
        row(page, name, setting)?;
    }
    heading(page, "units.NAME")?;
    UNIT_SETTINGS.iter().try_for_each(|setting| row(page, setting.key, setting))?;
    let variable = variable("units.my-service.limits.memory");
    write!(
        page,
        "\nA new name is a new service, which needs a command; the name of one that is built in \
         changes that one, whose own defaults `veridian config show` tells. All of a unit is in \
         one file. The variable of `units.my-service.limits.memory` is `{variable}`. Rights are \
         those of [capabilities.md](capabilities.md), in small letters and with hyphens.\n"
    )
}

fn heading(page: &mut String, section: &str) -> fmt::Result {
    write!(
        page,
        "\n## [{section}]\n\n| key | what it is | allowed | default | counts |\n|---|---|---|---|---|\n"
    )
}

fn row(page: &mut String, name: &str, setting: &Setting) -> fmt::Result {
    let counts = match setting.counts {
        Counts::Now => "at once".to_owned(),
        Counts::FromRestartOf(service) => format!("after `veridian restart {service}`"),
        Counts::FromRestart => "after a restart of the service".to_owned(),
        Counts::FromStart => "after a start of the system".to_owned(),
    };
    let Setting { kind, default, means, .. } = setting;
    writeln!(page, "| `{name}` | {means} | {kind} | `{default}` | {counts} |")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_page_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        if std::env::var_os("VERIDIAN_WRITE").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == document(), "docs/configuration.md is not what the table makes");
    }
}
