//! What commands fail with here, as servers say it.
//! <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
use keploy_sdk::Map;

#[derive(Clone, Copy)]
pub enum Code {
    AuthenticationFailed = 18,
    /// One that no driver tries again by itself.
    OperationFailed = 96,
}

/// The reply. `reason` is shown to people by most applications.
pub fn reply(code: Code, reason: &str) -> Map {
    let name = match code {
        Code::AuthenticationFailed => "AuthenticationFailed",
        Code::OperationFailed => "OperationFailed",
    };
    let message = format!("keploy: {reason}");
    Map::new().with("ok", 0.0).with("errmsg", message).with("code", code as i32).with("codeName", name)
}
