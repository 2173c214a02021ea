//! What each request makes the machine ask of its store, and what it refuses by itself.

use super::{Asked, Files, Plan, Refusal, State};
use crate::Outbox;
use crate::Reason;
use crate::files::request::{BodyLine, PushRequest, PutRequest, Range, Request};
use crate::files::{
    Durability, Name, NameProblem, PAGE_ENTRIES_MAX, Prefix, StoreRequest, WriteAccess, WritePolicy,
};

impl Files {
    /// Carries out a request. Returns whether the next bytes are a body.
    pub(super) fn request(&mut self, request: Request, out: &mut dyn Outbox) -> bool {
        match request {
            Request::Push(push) => return self.push(push, out),
            Request::Put(put) => self.put(put, out),
            Request::Get { name, range, range_hash } => self.get(name, range, range_hash, out),
            Request::Stat { name, reread } => self.stat(name, reread, out),
            Request::List { prefix, after, limit } => self.list(prefix, after, limit, out),
            Request::Hello { token, durability } => {
                if let Some(durability) = durability {
                    self.durability = durability.max(self.options.durability_min);
                }
                // A token that is not needed is not looked at.
                match token.filter(|_| self.write == WriteAccess::Token) {
                    Some(token) => {
                        self.ask(Asked::Authenticate, StoreRequest::Authenticate(token), out);
                    }
                    None => self.say_hello(out),
                }
            }
            Request::Help => self.say_help(out),
            Request::Quit => {
                self.say_bye(out);
                self.closing = Some(Reason::Quit);
            }
        }
        false
    }

    /// A line of an upload. Returns whether the next bytes are a body.
    pub(super) fn body_line(&mut self, line: BodyLine, out: &mut dyn Outbox) -> bool {
        let State::Upload(plan) = self.state else { return false };
        match line {
            BodyLine::Data(length) => out.body(length),
            BodyLine::End(hash) => {
                let durability = plan.durability;
                let finish = StoreRequest::Finish { hash, durability };
                self.ask(Asked::Finish { all_came: true }, finish, out);
            }
            BodyLine::Abort => self.ask(Asked::Cancel, StoreRequest::Cancel, out),
        }
        matches!(line, BodyLine::Data(_))
    }

    /// The store takes the upload: `offset` bytes of it are there.
    pub(super) fn begin_body(&mut self, plan: Plan, offset: u64, out: &mut dyn Outbox) {
        self.state = State::Upload(plan);
        let Some(size) = plan.size else { return };
        let rest = size.saturating_sub(offset);
        if rest > 0 {
            // What was offered behind the request belongs to this body.
            self.owed = false;
            out.body(rest);
        }
        if !plan.trailer {
            let finish = StoreRequest::Finish { hash: None, durability: plan.durability };
            self.ask(Asked::Finish { all_came: false }, finish, out);
        }
    }

    fn put(&mut self, put: PutRequest, out: &mut dyn Outbox) {
        if let Some(refusal) = self.write_refusal() {
            return self.refuse(refusal, out);
        }
        let durability = self.durability_for(put.durability);
        let plan = Plan { size: put.size, trailer: put.trailer, durability };
        let name = match put.name {
            Ok(name) => name,
            Err(problem) => return self.refuse(Refusal::Name(problem), out),
        };
        let PutRequest { size, hash, upload, from_start, .. } = put;
        let request = StoreRequest::Put { name, size, hash, upload, from_start, durability };
        self.ask(Asked::Put(plan), request, out);
    }

    fn push(&mut self, push: PushRequest, out: &mut dyn Outbox) -> bool {
        if !push.is_small() {
            self.say_push_too_large(out);
            self.closing = Some(Reason::Limit);
            return false;
        }
        let PushRequest { name, size, hash, durability } = push;
        let name = match (self.write_refusal(), name) {
            (Some(refusal), _) => return self.refuse_push(size, refusal, out),
            (None, Err(problem)) => return self.refuse_push(size, Refusal::Name(problem), out),
            (None, Ok(name)) => name,
        };
        let durability = self.durability_for(durability);
        out.store(StoreRequest::Push { name, size, hash, durability });
        self.pushes += 1;
        if size > 0 {
            out.body(size);
        }
        size > 0
    }

    /// The bytes of a refused push come all the same.
    fn refuse_push(&mut self, size: u64, refusal: Refusal, out: &mut dyn Outbox) -> bool {
        if size == 0 {
            self.refuse(refusal, out);
        } else {
            self.state = State::Skipping(size, refusal);
        }
        false
    }

    fn get(
        &mut self,
        name: Result<Name, NameProblem>,
        range: Option<Range>,
        range_hash: bool,
        out: &mut dyn Outbox,
    ) {
        match name {
            Ok(name) => self.ask(Asked::Get, StoreRequest::Get { name, range, range_hash }, out),
            Err(problem) => self.refuse(Refusal::Name(problem), out),
        }
    }

    fn stat(&mut self, name: Result<Name, NameProblem>, reread: bool, out: &mut dyn Outbox) {
        match name {
            Ok(name) => self.ask(Asked::Stat, StoreRequest::Stat { name, reread }, out),
            Err(problem) => self.refuse(Refusal::Name(problem), out),
        }
    }

    fn list(
        &mut self,
        prefix: Result<Prefix, NameProblem>,
        after: Option<Result<Name, NameProblem>>,
        limit: Option<u64>,
        out: &mut dyn Outbox,
    ) {
        if !self.options.list {
            return self.refuse(Refusal::NoListing, out);
        }
        match prefix.and_then(|prefix| Ok((prefix, after.transpose()?))) {
            Ok((prefix, after)) => {
                let limit = Some(limit.unwrap_or(PAGE_ENTRIES_MAX).min(PAGE_ENTRIES_MAX));
                self.ask(Asked::List, StoreRequest::List { prefix, after, limit }, out);
            }
            Err(problem) => self.refuse(Refusal::Name(problem), out),
        }
    }

    fn ask(&mut self, asked: Asked, request: StoreRequest, out: &mut dyn Outbox) {
        out.store(request);
        self.state = State::Waiting(asked);
    }

    fn write_refusal(&self) -> Option<Refusal> {
        match (self.write, self.options.write) {
            (WriteAccess::Yes, _) => None,
            (WriteAccess::Token, _) => Some(Refusal::TokenNeeded),
            (WriteAccess::No, WritePolicy::Loopback) => Some(Refusal::LoopbackOnly),
            (WriteAccess::No, _) => Some(Refusal::ReadOnly),
        }
    }

    /// How safe a file is made: as asked for here or before, and at least what the server says.
    fn durability_for(&self, asked: Option<Durability>) -> Durability {
        asked.unwrap_or(self.durability).max(self.options.durability_min)
    }
}
