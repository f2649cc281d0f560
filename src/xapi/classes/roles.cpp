// SPDX-License-Identifier: GPL-2.0-or-later
// Roles, their permissions, and subjects.
#include "xapi/classes/roles.hpp"

#include <algorithm>
#include <cctype>

#include "xapi/handlers/role.gen.hpp"
#include "xapi/handlers/subject.gen.hpp"

namespace xcp::xapi {

using model::role;
using model::subject;

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string permission_name(const model::MessageDesc& message) {
  return lower(std::string(model::classes()[message.class_index].name) + "." +
               std::string(message.name));
}

std::vector<Ref<role>> roles_with(const db::Snapshot& view, model::RoleMask mask) {
  std::vector<Ref<role>> found;
  for (const auto& candidate : view.all<role>())
    if ((role_bit(view, candidate.ref()) & mask) != 0) found.push_back(candidate.ref());
  return found;
}

}  // namespace

void ensure_roles(db::Store& store) {
  store.commit([&](db::Transaction& change) {
    for (const model::RoleDesc& desc : model::roles()) {
      if (change.find(Ref<role>(std::string(desc.ref)))) continue;
      auto record = empty_record<role>();
      record.set(role::uuid, std::string(desc.uuid));
      record.set(role::name_label, std::string(desc.name));
      record.set(role::name_description, std::string(desc.doc));
      record.set(role::is_internal, desc.internal);
      change.create(std::move(record), std::string(desc.ref));
    }
  });
}

model::RoleMask role_bit(const db::Snapshot& view, const Ref<role>& ref) {
  const auto object = view.find(ref);
  if (!object) return 0;
  const auto names = model::role_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if ((*object)[role::name_label] == names[i]) return static_cast<model::RoleMask>(1u << i);
  return 0;
}

std::vector<std::string> permissions(model::RoleMask roles) {
  std::vector<std::string> names;
  for (const model::ClassDesc& desc : model::classes())
    for (const model::MessageDesc& message : desc.messages)
      if (message.state != model::Lifecycle::Removed && (message.roles & roles) != 0)
        names.push_back(permission_name(message));
  return names;
}

// Permissions are names here, not objects: a role has no subordinate role objects.
std::vector<Ref<role>> role_get_permissions(Context& context, Ref<role> self) {
  context.view().get(self);
  return {};
}

std::vector<std::string> role_get_permissions_name_label(Context& context, Ref<role> self) {
  const db::Snapshot view = context.view();
  view.get(self);
  return permissions(role_bit(view, self));
}

std::vector<Ref<role>> role_get_by_permission(Context& context, Ref<role> permission) {
  context.view().get(permission);
  return {permission};
}

std::vector<Ref<role>> role_get_by_permission_name_label(Context& context, std::string label) {
  const model::MessageDesc* message = model::find_message(label);
  if (message == nullptr) return {};
  return roles_with(context.view(), message->roles);
}

void subject_add_to_roles(Context& context, Ref<subject> self, Ref<role> added) {
  context.commit([&](db::Transaction& change) {
    change.get(added);
    auto roles = change.get(self)[subject::roles];
    if (std::find(roles.begin(), roles.end(), added) != roles.end())
      throw Failure("ROLE_ALREADY_EXISTS");
    roles.push_back(added);
    change.set(self, subject::roles, roles);
  });
}

void subject_remove_from_roles(Context& context, Ref<subject> self, Ref<role> removed) {
  context.commit([&](db::Transaction& change) {
    auto roles = change.get(self)[subject::roles];
    if (std::erase(roles, removed) == 0) throw Failure("ROLE_NOT_FOUND");
    change.set(self, subject::roles, roles);
  });
  // Sessions keep the roles they were opened with; those of this subject are opened anew.
  context.services().sessions.close_if(
      [&](const Session&, const std::string& ref) { return ref == self.str(); });
}

std::vector<std::string> subject_get_permissions_name_label(Context& context, Ref<subject> self) {
  const db::Snapshot view = context.view();
  model::RoleMask mask = 0;
  for (const Ref<role>& ref : view.get(self)[subject::roles]) mask |= role_bit(view, ref);
  return permissions(mask);
}

}  // namespace xcp::xapi
