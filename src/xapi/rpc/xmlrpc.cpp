// SPDX-License-Identifier: GPL-2.0-or-later
// XML-RPC by pugixml: no DTD, no external entities, nesting limited before the tree is walked.
#include <pugixml.hpp>
#include <vector>

#include "datamodel/codec.hpp"
#include "xapi/rpc/wire.hpp"

namespace xcp::xapi::rpc {

namespace {

class XmlArguments : public Arguments {
 public:
  explicit XmlArguments(std::unique_ptr<pugi::xml_document> document)
      : document_(std::move(document)) {
    for (const pugi::xml_node param :
         document_->child("methodCall").child("params").children("param"))
      values_.push_back(param.child("value"));
  }
  std::size_t size() const override { return values_.size(); }
  model::Value read(std::size_t index, const model::Type& type) const override {
    return model::read_xml(values_.at(index), type);
  }

 private:
  std::unique_ptr<pugi::xml_document> document_;
  std::vector<pugi::xml_node> values_;
};

// A value of XML-RPC nests four elements a level (value, struct, member, value).
void check_depth(const pugi::xml_node& root) {
  struct Walker : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node&) override { return depth() < depth_limit * 4; }
  } walker;
  pugi::xml_node node = root;
  if (!node.traverse(walker)) throw MalformedRequest("the XML is nested too deeply");
}

void check_values(const std::vector<pugi::xml_node>& params) {
  for (const pugi::xml_node param : params)
    if (!param.child("value")) throw MalformedRequest("a param has no value");
}

void begin_envelope(std::string& out, std::string_view status, std::string_view name) {
  out +=
      "<?xml version=\"1.0\"?><methodResponse><params><param><value><struct><member><name>Status"
      "</name><value>";
  out += status;
  out += "</value></member><member><name>";
  out += name;
  out += "</name>";
}

void end_envelope(std::string& out) {
  out += "</member></struct></value></param></params></methodResponse>";
}

std::string error_array(const Failure& failure) {
  std::string out = "<value><array><data><value>";
  model::write_xml_text(out, failure.code());
  out += "</value>";
  for (const std::string& param : failure.params()) {
    out += "<value>";
    model::write_xml_text(out, param);
    out += "</value>";
  }
  out += "</data></array></value>";
  return out;
}

}  // namespace

ParsedCall parse_xmlrpc(std::string_view body) {
  auto document = std::make_unique<pugi::xml_document>();
  const auto parsed = document->load_buffer(body.data(), body.size(),
                                            pugi::parse_default | pugi::parse_ws_pcdata_single,
                                            pugi::encoding_utf8);
  if (!parsed)
    throw MalformedRequest(std::string("malformed XML: ") + parsed.description() + " at byte " +
                           std::to_string(parsed.offset));
  const pugi::xml_node call = document->child("methodCall");
  if (!call) throw MalformedRequest("no methodCall");
  check_depth(*document);
  const std::string method = call.child_value("methodName");
  if (method.empty()) throw MalformedRequest("no methodName");
  if (!model::is_utf8(method)) throw MalformedRequest("the methodName is not UTF-8");
  std::vector<pugi::xml_node> params;
  for (const pugi::xml_node param : call.child("params").children("param")) params.push_back(param);
  check_values(params);
  return {method, std::make_shared<XmlArguments>(std::move(document))};
}

Answer::Parts xmlrpc_reply(const Outcome& outcome) {
  Answer answer;
  if (outcome.failure) {
    begin_envelope(answer.text(), "Failure", "ErrorDescription");
    answer.text() += error_array(*outcome.failure);
  } else {
    begin_envelope(answer.text(), "Success", "Value");
    outcome.result.write(answer, Wire::Xml);
  }
  end_envelope(answer.text());
  return answer.take();
}

Answer::Parts xmlrpc_bare_reply(const Outcome& outcome) {
  Answer answer;
  answer.text() = "<?xml version=\"1.0\"?><methodResponse><params><param>";
  outcome.result.write(answer, Wire::Xml);
  answer.text() += "</param></params></methodResponse>";
  return answer.take();
}

}  // namespace xcp::xapi::rpc
