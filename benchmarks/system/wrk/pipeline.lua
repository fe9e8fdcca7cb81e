-- Sixteen requests in each write.
function init(args)
    local one = wrk.format("GET", wrk.path)
    requests = string.rep(one, 16)
end

function request()
    return requests
end
