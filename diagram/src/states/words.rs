//! What leads from one shape to the next, in words.

use super::{
    shape::{Shape, part},
    told::{State, ordered},
};
use crate::{canvas::Hue, graph::Label, links};
use ha_core::{ids::InstanceId, rules::RuleId};
use model_check::model::Act;
use shell_sim::world::{ControllerNo, MessageId, Place, World};

/// A rule as the words of an edge.
fn rule(id: RuleId) -> Label {
    let rule = id.rule();
    Label {
        hue: Hue::Rule,
        text: format!("{} {}", rule.id, rule.name),
        link: Some(links::rule_page(id)),
    }
}

fn event(text: impl Into<String>) -> Label {
    Label { hue: Hue::Event, text: text.into(), link: None }
}

fn plain(text: impl Into<String>) -> Label {
    Label { hue: Hue::Plain, text: text.into(), link: None }
}

/// What a transition is called where it leads from one shape to another.
pub(super) fn label(world: &World, state: &State, act: Act, from: Shape, to: Shape) -> Label {
    let who = |id: InstanceId| part(world, id);
    if !matches!(act, Act::Freeze(_) | Act::FreezeTogether(..) | Act::Thaw(_))
        && ordered_by(act).is_none_or(|id| ordered(world, id).is_none())
        && from.same_but_for_writes(to)
    {
        return plain(route(to));
    }
    match act {
        Act::Effect(no) => state.next(no).map_or_else(|| plain(act.to_string()), rule),
        Act::Deliver(id) | Act::DeliverUnanswered(id) => arrival(world, state, id),
        Act::Start(id) => plain(format!("{} starts again", who(id))),
        Act::Crash(id) => event(format!("{}'s process ends", who(id))),
        Act::PowerOn(id) => plain(format!("{} has power again", who(id))),
        Act::CreatePod(id) => plain(format!("{} has a pod again", who(id))),
        Act::Power(id, _) => event(format!("{} loses power", who(id))),
        Act::RemovePod(id) => event(format!("{} loses its pod", who(id))),
        Act::Mark(id) => event(format!("{} is to be deleted", who(id))),
        Act::LoseVolume(id) => event(format!("{} loses its volume", who(id))),
        Act::LoseNode(id) => event(format!("{} is lost for good", who(id))),
        Act::CrashController(no) => event(format!("{} ends", controller(no))),
        Act::Freeze(at) => event(format!("{} stands still", place(world, at))),
        Act::FreezeTogether(no, id) => {
            event(format!("{} and {} stand still", controller(no), who(id)))
        }
        Act::Thaw(at) => plain(format!("{} goes on", place(world, at))),
        Act::Cut(one, other) => {
            event(format!("{} and {} are cut off", place(world, one), place(world, other)))
        }
        Act::Tick
        | Act::Poll(_)
        | Act::Heal(..)
        | Act::ApiUp
        | Act::Look(_)
        | Act::Campaign(_)
        | Act::StartController(_)
        | Act::Beat(..)
        | Act::Retry(..)
        | Act::Expire(_) => plain(act.to_string()),
        Act::Both(..) => event("main and voter lose power"),
        Act::Write(_)
        | Act::Accept(_)
        | Act::Promise(_)
        | Act::GiveUp(_)
        | Act::ApiDown
        | Act::Lose(_)
        | Act::Switchover
        | Act::Order(_)
        | Act::Release(_)
        | Act::ReleaseUnheard(_)
        | Act::Glance(..)
        | Act::LoseTick(_) => event(act.to_string()),
    }
}

fn arrival(world: &World, state: &State, id: MessageId) -> Label {
    match (state.behind(world, id), ordered(world, id)) {
        (Some(behind), _) => rule(behind),
        (None, Some(kind)) => event(format!("a late order lands: {}", kind.name())),
        (None, None) => plain(format!("a {} arrives", id.kind.word())),
    }
}

/// The message that arrives.
const fn ordered_by(act: Act) -> Option<MessageId> {
    if let Act::Deliver(id) | Act::DeliverUnanswered(id) = act { Some(id) } else { None }
}

/// What gateways do when they ask, look at their grant, or are told.
const fn route(to: Shape) -> &'static str {
    if to.takes_writes() { "gateways get their grant" } else { "gateways let go" }
}

const fn controller(_no: ControllerNo) -> &'static str {
    "a controller"
}

fn place(world: &World, at: Place) -> &'static str {
    match at {
        Place::Instance(id) => part(world, id),
        Place::Controller(no) => controller(no),
        Place::Gateway(_) => "a gateway",
        Place::Api => "the API server",
    }
}
