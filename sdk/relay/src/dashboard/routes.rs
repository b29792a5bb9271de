use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::{files, live, login};
use crate::api;
use crate::shared::Shared;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/dashboard", get(files::page))
        .route("/dashboard/app.js", get(files::script))
        .route("/dashboard/style.css", get(files::style))
        .route("/dashboard/icon.svg", get(files::icon))
        .route("/dashboard/login", post(login::login))
        .route("/dashboard/logout", post(login::logout))
        .route("/dashboard/me", get(login::me))
        .route("/dashboard/live", get(live::live))
        .merge(api::of_sessions("/dashboard/api"))
}
