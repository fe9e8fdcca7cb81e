-- A browser's request with a token.
wrk.headers["Authorization"] = "Bearer secret"
wrk.headers["Origin"] = "https://shop.example"
