use log::warn;
use proxy_wasm::traits::*;
use proxy_wasm::types::*;
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root { tag: String::new() }) });
}}

/// Reads its tag from the configuration.
struct Root {
    tag: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.tag = match self.get_plugin_configuration() {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => "rust".to_string(),
        };
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter { tag: self.tag.clone(), path: String::new() }))
    }
}

/// Asks another cluster about `/ask`, refuses `/deny`, writes what it sees into the response.
struct Filter {
    tag: String,
    path: String,
}

impl Context for Filter {
    fn on_http_call_response(&mut self, _: u32, headers: usize, size: usize, _: usize) {
        let body = self.get_http_call_response_body(0, size).unwrap_or_default();
        warn!("answer: {} {}", headers > 0, String::from_utf8_lossy(&body));
        self.set_http_request_header("x-asked", Some(&String::from_utf8_lossy(&body)));
        self.resume_http_request();
    }
}

impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.path = self.get_http_request_header(":path").unwrap_or_default();
        warn!("request {} {}", self.path, end);
        match self.path.as_str() {
            "/deny" => {
                self.send_http_response(403, vec![("x-why", "rust")], Some(b"denied"));
                Action::Pause
            }
            "/ask" => {
                let headers = vec![(":method", "GET"), (":path", "/asked"), (":authority", "b")];
                let call = self.dispatch_http_call("b", headers, None, vec![], Duration::from_secs(1));
                warn!("call: {}", call.is_ok());
                Action::Pause
            }
            _ => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !end {
            return Action::Pause;
        }
        if let Some(body) = self.get_http_request_body(0, size) {
            let upper = String::from_utf8_lossy(&body).to_uppercase();
            self.set_http_request_body(0, size, upper.as_bytes());
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.add_http_response_header("x-tag", &self.tag);
        self.add_http_response_header("x-path", &self.path);
        Action::Continue
    }

    fn on_log(&mut self) {
        let status = self.get_property(vec!["response", "code"]);
        warn!("log {:?}", status);
    }
}
