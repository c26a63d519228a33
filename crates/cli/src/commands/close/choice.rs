//! Which of what stands in the cluster a close is meant for.

use std::collections::BTreeSet;

use intercept_engine::cluster::Cluster;
use intercept_engine::discover::{self, InterceptState};
use intercept_engine::record_store::RecordStore;
use intercept_engine::residue::Standing;
use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::Owner;

use crate::args::CloseArgs;

/// What to do about one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Nothing: it belongs to somebody else, or was not named.
    Keep,
    /// Restore it, whoever's intercepts it carries.
    Whole,
    /// Take these out.
    Intercepts(Vec<InterceptId>),
}

/// Decides for everything that was found.
pub(super) async fn choices(
    cluster: &Cluster,
    namespace: Option<&str>,
    args: &CloseArgs,
    owner: &Owner,
    found: Vec<Standing>,
) -> Vec<(Standing, Choice)> {
    if args.all {
        return found.into_iter().map(|one| (one, Choice::Whole)).collect();
    }
    if let Some(name) = &args.name {
        return by_name(found, name);
    }
    let dead = if found.is_empty() {
        BTreeSet::new()
    } else {
        dead(cluster, namespace).await
    };
    let mut chosen = Vec::new();
    for standing in found {
        let choice = match own(&standing, owner, &dead) {
            // A record of a newer program cannot be read here, and may hold somebody's intercepts.
            Choice::Whole if standing.intercepts.is_empty() && !is_readable(cluster, &standing).await => {
                Choice::Keep
            }
            choice => choice,
        };
        chosen.push((standing, choice));
    }
    chosen
}

pub(super) fn is_id(text: &str) -> bool {
    InterceptId::try_from(text.to_owned()).is_ok()
}

/// A Service of that name, otherwise an intercept with that id.
fn by_name(found: Vec<Standing>, name: &str) -> Vec<(Standing, Choice)> {
    let is_service = found.iter().any(|one| one.service == name);
    let choice = |standing: &Standing| {
        if is_service {
            return if standing.service == name {
                Choice::Whole
            } else {
                Choice::Keep
            };
        }
        let ids: Vec<InterceptId> = standing
            .intercepts
            .iter()
            .map(|one| one.id.clone())
            .filter(|id| id.as_str() == name)
            .collect();
        if ids.is_empty() {
            Choice::Keep
        } else {
            Choice::Intercepts(ids)
        }
    };
    found
        .into_iter()
        .map(|one| (one.clone(), choice(&one)))
        .filter(|(_, choice)| *choice != Choice::Keep)
        .collect()
}

/// Without a name: one's own, and what no living session stands behind.
fn own(standing: &Standing, owner: &Owner, dead: &BTreeSet<InterceptId>) -> Choice {
    let is_meant =
        |one: &&intercept_protocol::record::Intercept| one.owner == *owner || dead.contains(&one.id);
    let ids: Vec<InterceptId> = standing
        .intercepts
        .iter()
        .filter(is_meant)
        .map(|one| one.id.clone())
        .collect();
    match ids.len() {
        all if all == standing.intercepts.len() => Choice::Whole,
        0 => Choice::Keep,
        _ => Choice::Intercepts(ids),
    }
}

/// What cannot be judged counts as living.
async fn dead(cluster: &Cluster, namespace: Option<&str>) -> BTreeSet<InterceptId> {
    let listed = discover::intercepts(cluster, namespace).await.unwrap_or_default();
    listed
        .into_iter()
        .filter(|one| one.state == InterceptState::Residue)
        .map(|one| one.id)
        .collect()
}

async fn is_readable(cluster: &Cluster, standing: &Standing) -> bool {
    RecordStore::new(&cluster.client(), &standing.namespace, &standing.service)
        .read()
        .await
        .is_ok()
}

#[cfg(test)]
mod tests {
    use intercept_protocol::ids::{SessionId, Token};
    use intercept_protocol::matching::Match;
    use intercept_protocol::record::Intercept;

    use super::*;

    fn owner(user: &str) -> Owner {
        Owner {
            user: user.into(),
            host: "laptop".into(),
        }
    }

    fn intercept(user: &str) -> Intercept {
        Intercept {
            id: InterceptId::random(),
            port: 8080,
            rule: Match::default(),
            owner: owner(user),
            session: SessionId::random(),
            token_hash: Token::random().hash(),
            target: "localhost:3000".into(),
            created: 0,
            expires: None,
        }
    }

    fn standing(intercepts: Vec<Intercept>) -> Standing {
        Standing {
            namespace: "shop".into(),
            service: "api".into(),
            switched: true,
            original: None,
            intercepts,
            objects: BTreeSet::new(),
        }
    }

    #[test]
    fn only_ones_own_and_dead_ones_are_meant_without_a_name() {
        let (mine, theirs) = (intercept("ann"), intercept("bob"));
        let none = BTreeSet::new();
        assert_eq!(
            own(&standing(vec![mine.clone()]), &owner("ann"), &none),
            Choice::Whole
        );
        assert_eq!(
            own(&standing(vec![theirs.clone()]), &owner("ann"), &none),
            Choice::Keep
        );
        let both = standing(vec![mine.clone(), theirs.clone()]);
        assert_eq!(
            own(&both, &owner("ann"), &none),
            Choice::Intercepts(vec![mine.id])
        );
        let dead = BTreeSet::from([theirs.id]);
        assert_eq!(own(&both, &owner("ann"), &dead), Choice::Whole);
        assert_eq!(own(&standing(Vec::new()), &owner("ann"), &none), Choice::Whole);
    }

    #[test]
    fn a_name_is_a_service_or_an_id() {
        let one = standing(vec![intercept("bob")]);
        let id = one.intercepts[0].id.clone();
        assert_eq!(by_name(vec![one.clone()], "api")[0].1, Choice::Whole);
        assert_eq!(
            by_name(vec![one.clone()], id.as_str())[0].1,
            Choice::Intercepts(vec![id])
        );
        assert!(by_name(vec![one], "web").is_empty());
    }
}
