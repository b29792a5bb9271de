use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::response::IntoResponse;

/// Scripts, styles and requests of ours, and nothing else: nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn file(media_type: &'static str, text: &'static str) -> impl IntoResponse {
    let head = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (head, text)
}

/// `GET /dashboard`
pub(super) async fn page() -> impl IntoResponse {
    file("text/html; charset=utf-8", include_str!("static/index.html"))
}

/// `GET /dashboard/app.js`
pub(super) async fn script() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", include_str!("static/app.js"))
}

/// `GET /dashboard/style.css`
pub(super) async fn style() -> impl IntoResponse {
    file("text/css; charset=utf-8", include_str!("static/style.css"))
}

/// `GET /dashboard/icon.svg`
pub(super) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", include_str!("static/icon.svg"))
}
