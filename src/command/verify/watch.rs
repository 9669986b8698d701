//! `stockade verify --all --watch`: every container once, then what changes.

use super::container::{self, Finding, Places, Report, look};
use super::text;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::{self, Format};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use stockade_enforcer::interrupt::Interrupts;
use stockade_observe::engine::{Container, Engines, Event, Follower, Heard, Kind};

/// How long to wait for an event before looking at what has none: signals, BuildKit, engines that came back.
const TICK: Duration = Duration::from_millis(250);

/// How many such times a container is looked at again that has no first process yet.
const TICKS: u32 = 240;
/// How many containers may be waited for.
const MOST: usize = 1000;

/// What was last said of each container.
type Said = BTreeMap<(Kind, String), Last>;

#[derive(PartialEq, Eq)]
struct Last {
    short: String,
    news: String,
}

pub(super) fn run(places: &Places, format: Format) -> Result<Exit, Failure> {
    // Before there is another thread.
    let interrupts = Interrupts::hold().map_err(|errno| Failure::Observe {
        operation: "hold back signals",
        source: errno.to_string().into(),
    })?;
    let mut watch =
        Watch { places, format, engines: places.engines(), said: Said::new(), coming: BTreeMap::new() };
    // Followed before they are listed, so that nothing is missed in between.
    let mut follower = Some(watch.engines.follow().map_err(container::unasked)?);
    watch.everything()?;
    while !interrupts.came() {
        follower = match follower {
            Some(follower) => watch.hear(follower)?,
            None => watch.again()?,
        };
    }
    Ok(Exit::FINE)
}

struct Watch<'a> {
    places: &'a Places,
    format: Format,
    engines: Engines,
    said: Said,
    /// Containers that an engine speaks of before they run.
    coming: BTreeMap<(Kind, String), u32>,
}

impl Watch<'_> {
    /// Looks at what the next event names; `None` where an engine no longer says.
    fn hear(&mut self, follower: Follower) -> Result<Option<Follower>, Failure> {
        match follower.next(TICK) {
            Heard::Event(event) => self.one(&event)?,
            Heard::Everything => self.everything()?,
            Heard::Nothing => self.idle()?,
            Heard::End(engine) => {
                render::note("warning", &format!("{engine} no longer says what happens"));
                return Ok(None);
            }
        }
        Ok(Some(follower))
    }

    /// Tries to follow the engines that are there now.
    fn again(&mut self) -> Result<Option<Follower>, Failure> {
        std::thread::sleep(TICK);
        let follower = self.engines.follow().ok();
        if follower.is_some() {
            self.everything()?;
        }
        Ok(follower)
    }

    fn everything(&mut self) -> Result<(), Failure> {
        self.of(|_| true, None)
    }

    fn one(&mut self, event: &Event) -> Result<(), Failure> {
        let key = (event.engine, event.id.clone());
        if !self.said.contains_key(&key) && self.coming.len() < MOST {
            self.coming.insert(key, TICKS);
        }
        self.of(|container| container.id == event.id, Some(event.engine))
    }

    /// Looks at what no event speaks of: steps of builds, and what was not yet there when one did.
    fn idle(&mut self) -> Result<(), Failure> {
        self.of(|_| true, Some(Kind::Buildkit))?;
        self.coming.retain(|_, ticks| {
            *ticks -= 1;
            *ticks > 0
        });
        let engines: BTreeSet<Kind> = self.coming.keys().map(|(engine, _)| *engine).collect();
        for engine in engines {
            let coming: BTreeSet<String> = self.coming.keys().map(|(_, id)| id.clone()).collect();
            self.of(|container| coming.contains(&container.id), Some(engine))?;
        }
        Ok(())
    }

    /// Looks at the containers that `wanted` names among those of `engine`, or of all.
    fn of(&mut self, wanted: impl Fn(&Container) -> bool, engine: Option<Kind>) -> Result<(), Failure> {
        let answers = match engine {
            Some(engine) => self.engines.containers_of(engine).into_iter().collect(),
            None => self.engines.containers(),
        };
        for (engine, answer) in answers {
            let mut containers = match answer {
                Ok(containers) => containers,
                Err(error) => {
                    render::note("error", &error.to_string());
                    continue;
                }
            };
            containers.retain(|container| container.pid.is_some());
            let gone: Vec<_> = self
                .said
                .keys()
                .filter(|(of, id)| *of == engine && containers.iter().all(|one| one.id != *id))
                .cloned()
                .collect();
            for key in gone {
                self.gone(&key)?;
            }
            for container in containers.into_iter().filter(&wanted) {
                let report = look(self.places, container, None);
                self.say(report)?;
            }
        }
        Ok(())
    }

    /// Says what came out, if that is news.
    fn say(&mut self, report: Report) -> Result<(), Failure> {
        let key = (report.container.engine, report.container.id.clone());
        if matches!(report.finding, Finding::Ended) {
            return if self.said.contains_key(&key) { self.gone(&key) } else { Ok(()) };
        }
        if !matches!(report.finding, Finding::Starting) {
            self.coming.remove(&key);
        }
        let news = text::lasting(&report.finding);
        let said = Last { short: text::short(&report.container), news };
        if self.said.get(&key) != Some(&said) {
            let text = || format!("{}: {}", said.short, text::outcome(&report.finding));
            render::line(self.format, "container-status", &report, text)?;
            self.said.insert(key, said);
        }
        Ok(())
    }

    fn gone(&mut self, key: &(Kind, String)) -> Result<(), Failure> {
        #[derive(serde::Serialize)]
        struct Gone<'a> {
            engine: Kind,
            id: &'a str,
            state: &'a str,
        }
        let short = self.said.remove(key).map_or_else(|| key.1.clone(), |last| last.short);
        let gone = Gone { engine: key.0, id: &key.1, state: "ended" };
        render::line(self.format, "container-status", &gone, || format!("{short}: ended"))
    }
}
