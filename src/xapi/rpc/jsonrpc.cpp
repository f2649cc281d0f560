// SPDX-License-Identifier: GPL-2.0-or-later
// JSON-RPC: the version follows the request. Batches are not supported, as the protocol says.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "datamodel/codec.hpp"
#include "xapi/rpc/wire.hpp"

namespace xcp::xapi::rpc {

namespace json = boost::json;

namespace {

class JsonArguments : public Arguments {
 public:
  explicit JsonArguments(json::array values) : values_(std::move(values)) {}
  std::size_t size() const override { return values_.size(); }
  model::Value read(std::size_t index, const model::Type& type) const override {
    return model::read_json(values_.at(index), type);
  }

 private:
  json::array values_;
};

json::array take_params(json::object& request) {
  const auto found = request.find("params");
  if (found == request.end() || found->value().is_null()) return {};
  if (found->value().is_array()) return std::move(found->value().get_array());
  if (found->value().is_object()) return {std::move(found->value())};
  throw MalformedRequest("params is neither an array nor an object");
}

void write_strings(std::string& out, const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i != 0) out += ',';
    model::write_json_string(out, texts[i]);
  }
}

}  // namespace

JsonCall parse_jsonrpc(std::string_view body) {
  json::parse_options options;
  options.max_depth = depth_limit;
  boost::system::error_code error;
  json::value value = json::parse(body, error, {}, options);
  if (error) throw MalformedRequest("malformed JSON: " + error.message());
  if (!value.is_object()) throw MalformedRequest("the request is not an object");
  json::object& request = value.get_object();
  JsonCall call;
  const auto version = request.find("jsonrpc");
  if (version != request.end()) {
    if (!version->value().is_string() || version->value().get_string() != "2.0")
      throw MalformedRequest("unknown JSON-RPC version");
    call.version2 = true;
  }
  const auto method = request.find("method");
  if (method == request.end() || !method->value().is_string()) throw MalformedRequest("no method");
  call.call.method = method->value().get_string();
  const auto id = request.find("id");
  if (id == request.end() || (!id->value().is_number() && !id->value().is_string()))
    throw MalformedRequest("the id is neither a number nor a string");
  if (id->value().is_double() && !std::isfinite(id->value().get_double()))
    throw MalformedRequest("the id is too large a number");
  call.id_json = json::serialize(id->value());
  call.call.arguments = std::make_shared<JsonArguments>(take_params(request));
  return call;
}

Answer::Parts jsonrpc_reply(const JsonCall& call, const Outcome& outcome) {
  Answer answer;
  answer.text() = call.version2 ? "{\"jsonrpc\":\"2.0\"," : "{";
  if (!outcome.failure) {
    answer.text() += "\"result\":";
    outcome.result.write(answer, Wire::Json);
    answer.text() += call.version2 ? "," : ",\"error\":null,";
  } else if (call.version2) {
    answer.text() += "\"error\":{\"code\":1,\"message\":";
    model::write_json_string(answer.text(), outcome.failure->code());
    answer.text() += ",\"data\":[";
    write_strings(answer.text(), outcome.failure->params());
    answer.text() += "]},";
  } else {
    answer.text() += "\"result\":null,\"error\":[";
    std::vector<std::string> texts{outcome.failure->code()};
    texts.insert(texts.end(), outcome.failure->params().begin(), outcome.failure->params().end());
    write_strings(answer.text(), texts);
    answer.text() += "],";
  }
  answer.text() += "\"id\":";
  answer.text() += call.id_json;
  answer.text() += '}';
  return answer.take();
}

}  // namespace xcp::xapi::rpc
