// SPDX-License-Identifier: GPL-2.0-or-later
// The generated tables against the golden lists of the interface, and every lookup against every
// row. What is said of one row here is said of all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "datamodel/codec.hpp"
#include "datamodel/errors.gen.hpp"
#include "datamodel/model.gen.hpp"
#include "datamodel/model.hpp"
#include "datamodel/value.hpp"

namespace xcp::model {
namespace {

std::vector<std::string> golden(const std::string& name) {
  std::ifstream file(XCP_SOURCE_DIR "/tests/golden/datamodel/" + name + ".txt");
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Names the first difference only: the lists have thousands of lines.
void expect_same(std::vector<std::string> made, const std::vector<std::string>& wanted) {
  std::sort(made.begin(), made.end());
  const auto at = std::mismatch(made.begin(), made.end(), wanted.begin(), wanted.end());
  EXPECT_TRUE(at.first == made.end()) << "made: " << *at.first;
  EXPECT_TRUE(at.second == wanted.end()) << "wanted: " << *at.second;
  EXPECT_EQ(made.size(), wanted.size());
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

RoleMask role(std::string_view name) {
  const auto names = role_names();
  const auto at = std::find(names.begin(), names.end(), name);
  EXPECT_TRUE(at != names.end()) << name;
  return static_cast<RoleMask>(1u << (at - names.begin()));
}

RoleMask at_least(std::string_view name) {
  return static_cast<RoleMask>(role(name) | (role(name) - 1));
}

std::string spelled(RoleMask mask) {
  if (mask == 0) return "none";
  for (const std::string_view name : role_names())
    if (mask == at_least(name)) return ">=" + std::string(name);
  for (const std::string_view name : role_names())
    if (mask == (at_least(name) | role("client-cert")))
      return ">=" + std::string(name) + "+client-cert";
  return "unknown mask " + std::to_string(mask);
}

std::string spelled(Lifecycle state) {
  switch (state) {
    case Lifecycle::Prototyped:
      return "prototyped";
    case Lifecycle::Published:
      return "published";
    case Lifecycle::Deprecated:
      return "deprecated";
    case Lifecycle::Removed:
      return "removed";
  }
  return "";
}

std::string line_of(const ClassDesc& owner, const MessageDesc& m) {
  std::string line = std::string(owner.name) + "." + std::string(m.name);
  if (m.state == Lifecycle::Removed) return line + " removed";
  line += "(";
  for (const ParamDesc& p : m.params) {
    if (&p != m.params.data()) line += ", ";
    line += p.type->text;
    if (p.default_json) line += "?";
  }
  line += ") -> " + std::string(m.result->text) + " " + spelled(m.roles);
  if (!m.needs_session) line += " no-session";
  if (m.async) line += " async";
  if (m.hidden) line += " hidden";
  if (m.pool_internal) line += " pool-internal";
  if (m.secret) line += " secret";
  if (m.emergency) line += " emergency";
  line += " " + spelled(m.state) + " since=" + std::string(m.since);
  std::map<std::string_view, RoleMask> keys;
  for (const MapKeyRole& key : m.map_key_roles) keys[key.key] = key.roles;
  for (const auto& [key, roles] : keys) line += " " + std::string(key) + spelled(roles);
  return line;
}

std::string line_of(const ClassDesc& owner, const FieldDesc& f) {
  static const char* const qualifiers[] = {"ReadWrite", "StaticReadOnly", "DynamicReadOnly"};
  std::string line = std::string(owner.name) + "." + std::string(f.name) + ": " +
                     std::string(f.type->text) + " " + qualifiers[static_cast<int>(f.qualifier)];
  if (f.default_json) line += " default=" + std::string(*f.default_json);
  if (f.internal) line += " internal";
  if (!f.persistent && owner.in_database) line += " in-memory";
  return line + " " + spelled(f.state) + " since=" + std::string(f.since);
}

TEST(Model, HasEveryMessageOfTheInterface) {
  std::vector<std::string> lines;
  for (const ClassDesc& c : classes())
    for (const MessageDesc& m : c.messages) lines.push_back(line_of(c, m));
  expect_same(lines, golden("methods"));
}

TEST(Model, HasEveryFieldOfTheInterface) {
  std::vector<std::string> lines;
  for (const ClassDesc& c : classes())
    for (const FieldDesc& f : c.fields) lines.push_back(line_of(c, f));
  expect_same(lines, golden("fields"));
}

TEST(Model, HasEveryEnumOfTheInterface) {
  std::vector<std::string> lines;
  for (const EnumDesc& e : enums()) {
    std::string line = std::string(e.name) + ":";
    for (const std::string_view value : e.values) line += " " + std::string(value);
    lines.push_back(line);
  }
  expect_same(lines, golden("enums"));
}

TEST(Model, HasEveryErrorOfTheInterface) {
  std::vector<std::string> lines;
  for (const ErrorDesc& e : errors()) {
    std::string line = std::string(e.code) + " [";
    for (const std::string_view& p : e.params) {
      if (&p != e.params.data()) line += ", ";
      line += p;
    }
    lines.push_back(line + (e.open_params ? "...]" : "]"));
  }
  expect_same(lines, golden("errors"));
}

TEST(Model, HasEveryAlertOfTheInterface) {
  std::vector<std::string> lines;
  for (const AlertDesc& a : alerts())
    lines.push_back(std::string(a.name) + " " + std::to_string(a.priority));
  expect_same(lines, golden("alerts"));
}

TEST(Model, CountsClassesAndVersions) {
  EXPECT_EQ(classes().size(), 73u);
  EXPECT_EQ(std::count_if(classes().begin(), classes().end(),
                          [](const ClassDesc& c) { return c.state == Lifecycle::Removed; }),
            3);
  EXPECT_EQ(api_version().major, 2);
  EXPECT_EQ(api_version().minor, 23);
}

TEST(Model, FindsEveryClassWithoutCase) {
  for (const ClassDesc& c : classes()) {
    EXPECT_EQ(find_class(c.name), &c);
    EXPECT_EQ(find_class(lower_case(c.name)), &c);
    EXPECT_EQ(&classes()[class_index(c)], &c);
  }
  EXPECT_EQ(find_class("VN"), nullptr);
  EXPECT_EQ(find_class(""), nullptr);
  EXPECT_EQ(find_class("VM.get"), nullptr);
}

TEST(Model, FindsEveryFieldInItsClassOnly) {
  for (const ClassDesc& c : classes()) {
    for (std::uint16_t i = 0; i < c.fields.size(); ++i) {
      EXPECT_EQ(find_field(c, c.fields[i].name), &c.fields[i]);
      EXPECT_EQ(field_index(c, c.fields[i].name), i) << c.name << "." << c.fields[i].name;
    }
    EXPECT_EQ(find_field(c, "no_such_field"), nullptr);
    EXPECT_EQ(find_field(c, ""), nullptr);
  }
  EXPECT_NE(find_field(*find_class("VM"), "VBDs"), nullptr);
  EXPECT_EQ(find_field(*find_class("VBD"), "VBDs"), nullptr);
  EXPECT_EQ(find_field(*find_class("VM"), "vbds"), nullptr);
}

TEST(Model, FindsEveryMessageInBothSpellings) {
  for (const ClassDesc& c : classes()) {
    for (const MessageDesc& m : c.messages) {
      const std::string owner(c.name), name(m.name);
      EXPECT_EQ(find_message(owner + "." + name), &m) << owner << "." << name;
      EXPECT_EQ(find_message(owner + "_" + name), &m) << owner << "_" << name;
      EXPECT_EQ(find_message(lower_case(owner) + "." + name), &m);
      EXPECT_EQ(m.class_index, class_index(c));
    }
  }
}

TEST(Model, KnowsNoOtherMessages) {
  for (const char* name : {"", ".", "VM", "VM.", "VM.strat", ".start", "VM.START", "VM..start",
                           "VM start", "Async.VM.start", "VM.start ", "VMstart", "start"})
    EXPECT_EQ(find_message(name), nullptr) << name;
}

TEST(Model, FindsEveryEnumValueAndError) {
  for (const EnumDesc& e : enums()) {
    EXPECT_EQ(e.values.size(), e.docs.size()) << e.name;
    for (std::uint16_t i = 0; i < e.values.size(); ++i) EXPECT_EQ(enum_index(e, e.values[i]), i);
    EXPECT_FALSE(enum_index(e, "no such value"));
  }
  for (const ErrorDesc& e : errors()) EXPECT_EQ(find_error(e.code), &e);
  EXPECT_EQ(find_error("NO_SUCH_ERROR"), nullptr);
}

TEST(Model, EveryDefaultIsAValueOfItsType) {
  int parsed = 0;
  for (const ClassDesc& c : classes()) {
    for (const FieldDesc& f : c.fields) {
      if (!f.default_json) continue;
      EXPECT_NO_THROW(default_value(f)) << c.name << "." << f.name << " " << *f.default_json;
      ++parsed;
    }
    for (const MessageDesc& m : c.messages)
      for (const ParamDesc& p : m.params) {
        if (!p.default_json) continue;
        EXPECT_NO_THROW(default_value(p)) << c.name << "." << m.name;
      }
  }
  EXPECT_GT(parsed, 400);
}

TEST(Model, BackReferencesPointAtAFieldThatRefersBack) {
  int derived = 0;
  for (const ClassDesc& c : classes()) {
    for (const FieldDesc& f : c.fields) {
      if (!f.derived) continue;
      ++derived;
      ASSERT_EQ(f.type->kind, Kind::Set);
      EXPECT_EQ(f.type->element->class_index, f.derived->class_index);
      const FieldDesc& back = classes()[f.derived->class_index].fields[f.derived->field_index];
      const Type* type = back.type->kind == Kind::Set ? back.type->element : back.type;
      EXPECT_EQ(type->kind, Kind::Ref) << c.name << "." << f.name;
      EXPECT_EQ(type->class_index, class_index(c)) << c.name << "." << f.name;
      EXPECT_FALSE(back.derived);
    }
  }
  EXPECT_GT(derived, 50);
}

TEST(Model, AccessorsNameTheirField) {
  for (const ClassDesc& c : classes()) {
    for (const MessageDesc& m : c.messages) {
      const char* prefix = nullptr;
      switch (m.accessor) {
        case Accessor::Get:
          prefix = "get_";
          break;
        case Accessor::Set:
          prefix = "set_";
          break;
        case Accessor::Add:
          prefix = "add_";
          break;
        case Accessor::Remove:
          prefix = "remove_";
          break;
        case Accessor::AddTo:
          prefix = "add_to_";
          break;
        case Accessor::RemoveFrom:
          prefix = "remove_from_";
          break;
        case Accessor::None:
        case Accessor::GetRecord:
        case Accessor::GetByUuid:
        case Accessor::GetByNameLabel:
        case Accessor::GetAll:
        case Accessor::GetAllWhere:
        case Accessor::GetAllRecords:
        case Accessor::GetAllRecordsWhere:
        case Accessor::Create:
        case Accessor::Destroy:
          break;
      }
      EXPECT_TRUE(m.handled || m.accessor == Accessor::None) << c.name << "." << m.name;
      if (!prefix) continue;
      EXPECT_EQ(m.name, prefix + std::string(c.fields[m.field_index].name));
    }
  }
}

TEST(Model, RemovedClassesHaveNothingButNames) {
  for (const ClassDesc& c : classes()) {
    if (c.state != Lifecycle::Removed) continue;
    EXPECT_TRUE(c.fields.empty());
    EXPECT_FALSE(c.in_database);
    for (const MessageDesc& m : c.messages) EXPECT_EQ(m.state, Lifecycle::Removed);
  }
}

TEST(Model, NamespacesAreColumnsWithTwoUnderscores) {
  EXPECT_EQ(find_field(*find_class("VM"), "name_label")->column, "name__label");
  EXPECT_EQ(find_field(*find_class("VM"), "power_state")->column, "power_state");
  EXPECT_EQ(find_field(*find_class("pool"), "name_label")->column, "name_label");
}

TEST(Model, RolesHaveTheirWellKnownReferences) {
  ASSERT_EQ(roles().size(), role_names().size());
  EXPECT_EQ(roles()[0].name, "pool-admin");
  // The default of subject.roles in the interface is the reference of the role pool-admin.
  EXPECT_EQ(*find_field(*find_class("subject"), "roles")->default_json,
            "[\"" + std::string(roles()[0].ref) + "\"]");
  EXPECT_EQ(role_mask_all(), at_least("read-only"));
  ASSERT_EQ(extra_permissions().size(), 1u);
  EXPECT_EQ(extra_permissions()[0].roles, at_least("pool-operator"));
}

TEST(Model, TypedKeysAreTheFieldsOfThatName) {
  const ClassDesc& vm = classes()[VM::index];
  EXPECT_EQ(vm.name, "VM");
  EXPECT_EQ(vm.fields[VM::power_state.index].name, "power_state");
  EXPECT_EQ(vm.fields[VM::VBDs.index].name, "VBDs");
  const ClassDesc& vbd = classes()[VBD::index];
  EXPECT_EQ(vbd.fields[VBD::VM.index].name, "VM");
  static_assert(std::is_same_v<decltype(VBD::VM)::type, Ref<VM>>);
  static_assert(std::is_same_v<decltype(VM::power_state)::type, VmPowerState>);
  static_assert(
      std::is_same_v<decltype(VM::other_config)::type, std::map<std::string, std::string>>);
}

TEST(Model, EnumeratorsSpellTheirWireValue) {
  EXPECT_EQ(to_string(VmPowerState::Suspended), "Suspended");
  EXPECT_EQ(to_string(BondMode::BalanceSlb), "balance-slb");
  EXPECT_EQ(enum_from_string<VmPowerState>("Running"), VmPowerState::Running);
  EXPECT_FALSE(enum_from_string<VmPowerState>("running"));
}

TEST(Errors, FactoriesKeepCodeParametersAndPlace) {
  const Failure failure = errors::vm_bad_power_state("v", "Halted", "Running");
  EXPECT_EQ(failure.code(), "VM_BAD_POWER_STATE");
  EXPECT_EQ(failure.params(), (std::vector<std::string>{"v", "Halted", "Running"}));
  EXPECT_NE(std::string(failure.where().file_name()).find("model_test.cpp"), std::string::npos);
  EXPECT_EQ(errors::vm_is_snapshot({"a", "b"}).params().size(), 2u);
}

// A guest may write any of these where its facts come from.
TEST(Text, XmlHoldsNoCharacterThatXmlForbids) {
  const auto written = [](std::string_view text) {
    std::string out;
    write_xml_text(out, text);
    return out;
  };
  EXPECT_EQ(written("a\x01\x1b\r<&>\n\tz"), "a&#13;&lt;&amp;&gt;\n\tz");
  EXPECT_EQ(written("a\xef\xbf\xbe\xef\xbf\xbfz\xef\xbf\xbd"), "az\xef\xbf\xbd");
  EXPECT_EQ(written("\xef\xbf\xbf"), "");
}

}  // namespace
}  // namespace xcp::model
