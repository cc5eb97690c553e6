//! The journal of a run: what each controller took in and decided. It only listens.

use super::Fair;
use crate::{
    journal::{Decided, Line, What},
    world::ControllerNo,
};
use ha_core::{history::Sample, leadership::Millis, plan::Plan};

/// A journal, kept only if asked for.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    lines: Option<Vec<Line>>,
}

impl Journal {
    /// The lines kept so far.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        self.lines.as_deref().unwrap_or_default()
    }
}

impl Fair {
    /// Keeps a journal from now on.
    pub fn keep_journal(&mut self) {
        self.journal.lines.get_or_insert_default();
        self.note_samples();
    }

    /// Writes down what controllers took in since the last time, and listens to new processes.
    pub(super) fn note_samples(&mut self) {
        if self.journal.lines.is_none() {
            return;
        }
        for no in self.world.controller_numbers() {
            let at = self.world.controller_time(no);
            let patience = self.world.settings.patience;
            let index = usize::from(no.0);
            let Some(controller) = self.world.controllers.get_mut(index) else { continue };
            let Some(process) = controller.process.as_deref_mut() else { continue };
            let taken = process.taken.replace(Vec::new());
            match taken {
                Some(samples) => self.push_samples(no, samples),
                None => {
                    let history = Box::new(process.history.clone());
                    self.push(Line::new(at, no.0, What::Start { history, patience }));
                }
            }
        }
    }

    fn push_samples(&mut self, no: ControllerNo, samples: Vec<(Millis, Sample)>) {
        let at = self.world.controller_time(no);
        for (began, sample) in samples {
            let look = Box::new(sample);
            self.push(Line::new(at, no.0, What::Sample { began, look }));
        }
    }

    fn push(&mut self, line: Line) {
        if let Some(lines) = &mut self.journal.lines {
            lines.push(line);
        }
    }

    /// Writes down a decision.
    pub(super) fn note_plan(&mut self, no: ControllerNo, plan: &Plan) {
        if self.journal.lines.is_none() {
            return;
        }
        // A controller that has just decided runs.
        let Ok(observation) = self.world.observation(no) else { return };
        let Ok(process) = self.world.controller(no) else { return };
        let rereads = self.world.settings.rereads;
        let decided = Decided {
            desired: observation.desired,
            leadership: observation.leadership,
            acquired: process.leader.acquired().filter(|_| rereads),
            outstanding: observation.route.outstanding,
            plan: plan.clone(),
        };
        let at = self.world.controller_time(no);
        self.push(Line::new(at, no.0, What::Decided(Box::new(decided))));
    }
}
