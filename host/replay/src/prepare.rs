//! Recorded calls, brought into the form in which they are looked up.
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use document::{BadRule, DiffOptions, Hash, Noise, Value};
use matcher::Bindings;
use plugins::{Part, Registry};
use store::Mock;

use crate::{PrepareError, forms::Forms};

/// A mock, as it is looked up.
pub(crate) enum Prepared {
    /// A DNS answer.
    Name(Mock),
    /// The request in the form that is compared; the mock's own rules.
    Call { mock: Mock, request: Value, hash: Hash, own: Option<Noise> },
}

/// Prepares all mocks, on all processors, and hands them over in their order, until one is refused.
pub(crate) fn each_prepared(
    mocks: Vec<Mock>,
    registry: &Registry,
    forms: &Forms,
    mut each: impl FnMut(Result<Prepared, BadRule>) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    /// So many are handed over together.
    const PART: usize = 256;
    let mut mocks = mocks.into_iter();
    let parts = std::iter::from_fn(|| {
        let part: Vec<Mock> = mocks.by_ref().take(PART).collect();
        (!part.is_empty()).then_some(part)
    });
    let prepared = |part: Vec<Mock>| part.into_iter().map(|mock| prepare(mock, registry, forms)).collect::<Vec<_>>();
    let mut done = Ok(());
    store::in_order(parts, prepared, |part| {
        done = part.into_iter().try_for_each(&mut each);
        if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    done
}

fn prepare(mock: Mock, registry: &Registry, forms: &Forms) -> Result<Prepared, BadRule> {
    if mock.kind == "DNS" {
        return Ok(Prepared::Name(mock));
    }
    let form = forms.of(registry, &mock.kind, Part::Request);
    let mut request = form.strip(&mock.request);
    let hash = forms.hash(&mock.kind, &mock.class, &request);
    request.pack();
    let own = match &mock.noise[..] {
        [] => None,
        paths => Some(Noise::new(paths.iter().map(|path| (path.clone(), Vec::new())))?),
    };
    Ok(Prepared::Call { mock, request, hash, own })
}

/// A call with a secret in it that nobody has told us is found without it.
pub(crate) fn hide_stand_ins(
    mocks: &[Mock],
    registry: &Registry,
    forms: &mut Forms,
    bindings: &Bindings,
) -> Result<(), PrepareError> {
    if !bindings.has_stand_ins() {
        return Ok(());
    }
    let mut places: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for mock in mocks {
        let form = forms.of(registry, &mock.kind, Part::Request);
        let request = form.strip(&mock.request);
        let Some(other) = bindings.without_stand_ins(&request) else { continue };
        let differences = document::diff(&request, &other, &Noise::default(), DiffOptions::default());
        let hidden = places.entry((&mock.kind, &mock.class)).or_default();
        hidden.extend(differences.iter().map(|difference| matcher::place(&difference.path)));
    }
    for ((kind, class), places) in places {
        forms.hide(kind, class, &places.into_iter().collect::<Vec<_>>())?;
    }
    Ok(())
}
