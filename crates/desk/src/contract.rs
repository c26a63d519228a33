//! Every command of the window: its name, what it takes, what it answers. The shell makes its commands of this table, the
//! bindings of the window are written from it, and the window can call nothing else.

/// Hands the table to the macro named.
#[macro_export]
macro_rules! contract {
    ($then:ident) => {
        $then! {
            /// Version, preferences and what has happened so far: what a window needs first.
            hello() -> $crate::wire::Hello;
            /// The contexts of the kubeconfig, read afresh. Contacts no cluster.
            list_contexts() -> Vec<$crate::wire::Context>;
            /// Starts the sandbox inside the program; from then on its context is the only one.
            try_sandbox() -> ();
            /// Marks a context as one where mistakes hurt, or not.
            mark_context(context: String, is_production: bool) -> ();
            /// Connects and watches Services; changes come as events. In all namespaces where none is named. Answers when
            /// they are known.
            watch_services(context: String, namespace: Option<String>) -> $crate::wire::ServicesChange;
            /// The namespaces of a context, as far as they may be listed.
            list_namespaces(context: String) -> Vec<String>;
            /// Programs of this machine that take connections.
            list_listeners() -> Vec<$crate::wire::Listener>;
            /// Whether something takes connections at a target.
            check_target(target: String) -> $crate::wire::TargetCheck;
            /// What an intercept would change. Reads only.
            plan_intercept(wish: $crate::wire::InterceptWish) -> $crate::wire::PlanView;
            /// Opens an intercept; how it goes comes as events. Answers its key.
            open_intercept(wish: $crate::wire::InterceptWish) -> u32;
            /// Tells an intercept to end, and waits until it has.
            stop_intercept(key: u32) -> ();
            /// Ends all intercepts of this program, and waits until they have.
            stop_all() -> ();
            /// Forgets an intercept that has ended.
            dismiss_intercept(key: u32) -> ();
            /// Takes out an intercept that somebody else or another program left.
            close_others_intercept(context: String, namespace: String, service: String, id: String) -> ();
            /// Records so much of what an intercept brings from now on.
            change_recording(key: u32, level: $crate::wire::RecordingLevel) -> ();
            /// Records nothing for a while, or goes on.
            pause_recording(is_paused: bool) -> ();
            /// Sends one request through the Service and says how far it came.
            probe_intercept(key: u32) -> $crate::wire::ProbeReport;
            /// What a filter finds, the newest first.
            find_requests(filter: String, before: Option<$crate::wire::Cursor>, limit: u32) -> $crate::wire::RequestPage;
            /// How many a filter finds.
            count_requests(filter: String) -> $crate::wire::RequestCount;
            /// Tells what is new since a version and fits a filter, as events with the number that this answers. The last one
            /// to follow is told.
            follow_requests(filter: String, since: $crate::wire::Version) -> u32;
            /// How full the store of requests is.
            requests_usage() -> $crate::wire::StoreUsage;
            /// Everything there is to see of one request; secrets only where they are asked for.
            get_request(id: $crate::wire::ExchangeId, reveal: bool) -> $crate::wire::RequestDetail;
            /// A body, for showing a picture or saving.
            request_body(id: $crate::wire::ExchangeId, half: $crate::wire::BodyHalf) -> $crate::wire::RequestBody;
            /// A request as it can be edited and sent again.
            editable_request(id: $crate::wire::ExchangeId) -> $crate::wire::EditedRequest;
            /// Sends a recorded request again.
            replay_request(replay: $crate::wire::ReplayWish) -> $crate::wire::ReplayAnswer;
            /// How the answers of two requests differ.
            compare_requests(left: $crate::wire::ExchangeId, right: $crate::wire::ExchangeId) -> $crate::wire::Difference;
            /// Keeps requests when room is made, or no longer.
            pin_requests(ids: Vec<$crate::wire::ExchangeId>, is_pinned: bool) -> ();
            /// Removes requests. Answers how many.
            delete_requests(selection: $crate::wire::Selection) -> u32;
            /// Requests, written down; secrets only where they are asked for.
            write_requests(selection: $crate::wire::Selection, format: $crate::wire::ExportFormat, reveal: bool) -> $crate::wire::RequestText;
            /// Requests, written to a file; secrets only where they are asked for. Answers how many.
            save_requests(selection: $crate::wire::Selection, format: $crate::wire::ExportFormat, reveal: bool, path: String) -> u32;
            /// Records what a HAR file holds. Answers how many.
            import_requests(path: String) -> u32;
            /// The mocks that are switched on.
            list_mocks() -> Vec<$crate::wire::MockView>;
            /// Switches a mock on.
            add_mock(mock: $crate::wire::MockWish) -> Vec<$crate::wire::MockView>;
            /// Switches a mock off.
            remove_mock(number: u32) -> Vec<$crate::wire::MockView>;
            /// Remembers what the user prefers.
            set_preferences(preferences: $crate::wire::Preferences) -> ();
            /// What helps whoever looks into a problem: no secret, no body of a request.
            diagnostics() -> String;
        }
    };
}
