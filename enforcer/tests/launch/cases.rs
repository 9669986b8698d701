//! The list of cases.

use crate::{confinement, ends, hostile};

/// Name and test.
pub(crate) const ALL: &[(&str, fn())] = &[
    ("confinement::as_planned", confinement::as_planned),
    ("confinement::as_planned_without_root", confinement::as_planned_without_root),
    ("confinement::kept_capabilities", confinement::kept_capabilities),
    ("confinement::without_no_new_privileges", confinement::without_no_new_privileges),
    ("confinement::the_filter_answers", confinement::the_filter_answers),
    ("confinement::root_inside", confinement::root_inside),
    ("confinement::without_user_namespace", confinement::without_user_namespace),
    ("confinement::files", confinement::files),
    ("confinement::views_of_proc", confinement::views_of_proc),
    ("confinement::devices", confinement::devices),
    ("confinement::attributes", confinement::attributes),
    ("confinement::landlock", confinement::landlock),
    ("confinement::the_hosts_tree", confinement::the_hosts_tree),
    ("confinement::a_joined_network", confinement::a_joined_network),
    ("hostile::planted_links", hostile::planted_links),
    ("hostile::missing_places", hostile::missing_places),
    ("hostile::missing_paths", hostile::missing_paths),
    ("hostile::hidden_through_a_link", hostile::hidden_through_a_link),
    ("hostile::a_script_of_its_own_interpreter", hostile::a_script_of_its_own_interpreter),
    ("hostile::the_init_is_out_of_reach", hostile::the_init_is_out_of_reach),
    ("ends::exit_codes", ends::exit_codes),
    ("ends::refusals", ends::refusals),
    ("ends::signals_and_orphans", ends::signals_and_orphans),
    ("ends::streams", ends::streams),
    ("ends::descriptors_asked_for", ends::descriptors_asked_for),
    ("ends::stages", ends::stages),
    ("ends::at_exec", ends::at_exec),
    ("ends::verified_at_exec", ends::verified_at_exec),
    ("ends::a_cgroup", ends::a_cgroup),
    ("ends::terminal", ends::terminal),
    ("ends::killed_at_any_time", ends::killed_at_any_time),
];
