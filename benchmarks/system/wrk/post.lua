-- A POST with a JSON body.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"name":"Widget","price":9.5,"tags":["a","b"]}'
