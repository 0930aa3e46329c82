//! From a path to what it names.

use super::{Body, Naive, Outcome, ROOT};
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::{MAX_NAME, MAX_PATH};

/// Most symbolic links followed in one walk.
const MAX_LINKS: u32 = 40;
/// Mode bits of a directory as /tmp: everybody may write, only owners remove.
const SHARED: u32 = 0o1002;

/// A path, and the directory that it starts from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) base: usize,
    pub(crate) path: &'a str,
}

impl<'a> Place<'a> {
    /// A path from the root.
    pub(crate) fn root(path: &'a str) -> Self {
        Self { base: ROOT, path }
    }
}

/// What a path does that a system may have reservations about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Notes {
    /// It starts at the root, or tries to go above it.
    pub(crate) names_root: bool,
    /// It ends in a link of somebody else in a directory that everybody may write.
    pub(crate) follows_foreign_link: bool,
    /// The directory that its last component is looked up in.
    pub(crate) directory: Option<usize>,
}

/// The last component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Name(String),
    Current,
    Parent,
    /// There is none: the path is `/`.
    Root,
}

/// A walk along a path.
pub(super) struct Walk {
    /// The directory that the next component is looked up in.
    pub(super) at: usize,
    pub(super) last: Last,
    /// Whether it has to come to a directory.
    pub(super) slash: bool,
    /// Components that are left, the next one at the end.
    rest: Vec<String>,
    links: u32,
    notes: Notes,
}

impl Walk {
    /// A walk up to the last component, which is not looked up.
    pub(super) fn to_last(naive: &Naive, who: &Credentials, place: Place<'_>) -> Outcome<Self> {
        let mut walk = Self::new(place)?;
        walk.advance(naive, who)?;
        Ok(walk)
    }

    fn new(place: Place<'_>) -> Outcome<Self> {
        match place.path.len() {
            0 => return Err(Errno::ENOENT),
            len if len > MAX_PATH => return Err(Errno::ENAMETOOLONG),
            _ => {}
        }
        let (at, rest) = (place.base, vec![]);
        let mut walk =
            Self { at, last: Last::Root, slash: false, rest, links: 0, notes: Notes::default() };
        walk.go_on_with(place.path);
        walk.slash = place.path.ends_with('/');
        Ok(walk)
    }

    fn go_on_with(&mut self, text: &str) {
        if text.starts_with('/') {
            self.at = ROOT;
            self.notes.names_root = true;
        }
        self.rest.extend(text.rsplit('/').filter(|name| !name.is_empty()).map(str::to_owned));
    }

    /// Goes on up to the last component.
    fn advance(&mut self, naive: &Naive, who: &Credentials) -> Outcome<()> {
        loop {
            let Some(name) = self.rest.pop() else {
                self.last = Last::Root;
                return Ok(());
            };
            if !naive.is_directory(self.at) {
                return Err(Errno::ENOTDIR);
            }
            naive.may_search(self.at, who)?;
            self.last = match name.as_str() {
                "." => Last::Current,
                ".." => Last::Parent,
                _ => Last::Name(name),
            };
            self.notes.names_root |= self.last == Last::Parent && self.at == ROOT;
            if self.rest.is_empty() {
                self.notes.directory = Some(self.at);
                return Ok(());
            }
            let found = self.look(naive)?.ok_or(Errno::ENOENT)?;
            match &naive.nodes[found].body {
                Body::Symlink(target) => self.follow(target)?,
                _ => self.at = found,
            }
        }
    }

    /// What the last component is.
    pub(super) fn look(&self, naive: &Naive) -> Outcome<Option<usize>> {
        Ok(match &self.last {
            Last::Root | Last::Current => Some(self.at),
            Last::Parent => Some(naive.parent(self.at)),
            Last::Name(_) if naive.nodes[self.at].links == 0 => return Err(Errno::ENOENT),
            Last::Name(name) if name.len() > MAX_NAME => return Err(Errno::ENAMETOOLONG),
            Last::Name(name) => match &naive.nodes[self.at].body {
                Body::Directory { children, .. } => children.get(name).copied(),
                _ => return Err(Errno::ENOTDIR),
            },
        })
    }

    fn follow(&mut self, target: &str) -> Outcome<()> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        self.go_on_with(target);
        Ok(())
    }

    /// Goes on where the last component is a link that is to be followed: says whether it is.
    pub(super) fn follow_last(
        &mut self,
        naive: &Naive,
        who: &Credentials,
        found: usize,
        follow: bool,
    ) -> Outcome<bool> {
        let link = &naive.nodes[found];
        let Body::Symlink(target) = &link.body else { return Ok(false) };
        if !follow && !self.slash {
            return Ok(false);
        }
        let directory = &naive.nodes[self.at];
        self.notes.follows_foreign_link |=
            directory.mode & SHARED == SHARED && link.uid != who.uid && link.uid != directory.uid;
        self.follow(target)?;
        self.slash |= target.ends_with('/');
        self.advance(naive, who)?;
        Ok(true)
    }

    /// All of the way.
    fn finish(&mut self, naive: &Naive, who: &Credentials, follow: bool) -> Outcome<usize> {
        self.advance(naive, who)?;
        loop {
            let found = self.look(naive)?.ok_or(Errno::ENOENT)?;
            if !self.follow_last(naive, who, found, follow)? {
                let is_wrong = self.slash && !naive.is_directory(found);
                return if is_wrong { Err(Errno::ENOTDIR) } else { Ok(found) };
            }
        }
    }
}

impl Naive {
    /// What a path names; a link at its end is followed, or it is what is meant.
    pub(crate) fn find(&self, who: &Credentials, place: Place<'_>, follow: bool) -> Outcome<usize> {
        Walk::new(place)?.finish(self, who, follow)
    }

    /// What that path does on the way, however far it gets.
    pub(crate) fn notes(&self, who: &Credentials, place: Place<'_>, follow: bool) -> Notes {
        let Ok(mut walk) = Walk::new(place) else { return Notes::default() };
        // Where it ends does not matter.
        let _found = walk.finish(self, who, follow);
        walk.notes
    }
}
