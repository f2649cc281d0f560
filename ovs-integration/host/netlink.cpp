// SPDX-License-Identifier: GPL-2.0-or-later
// See netlink.hpp.
#include "ovs-integration/host/netlink.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/failure.hpp"

namespace xcp::network::netlink {

// ---- requests -----------------------------------------------------------------------------------

Request::Request(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size)
    : bytes_(NLMSG_HDRLEN, '\0') {
  bytes_.append(static_cast<const char*>(header), size);
  pad();
  this->header().nlmsg_type = type;
  this->header().nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
}

void Request::pad() {
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

Request& Request::put(std::uint16_t attribute, std::string_view bytes) {
  const rtattr head{static_cast<unsigned short>(RTA_LENGTH(bytes.size())), attribute};
  bytes_.append(reinterpret_cast<const char*>(&head), sizeof(head));
  bytes_.append(bytes);
  pad();
  return *this;
}

Request& Request::put_text(std::uint16_t attribute, const std::string& text) {
  return put(attribute, {text.c_str(), text.size() + 1});
}

std::size_t Request::begin(std::uint16_t attribute) {
  const std::size_t begun = bytes_.size();
  put(attribute, {});
  return begun;
}

void Request::end(std::size_t begun) {
  const auto length = static_cast<unsigned short>(bytes_.size() - begun);
  std::memcpy(bytes_.data() + begun + offsetof(rtattr, rta_len), &length, sizeof(length));
}

// ---- attributes ---------------------------------------------------------------------------------

std::string_view Attributes::payload_after(const nlmsghdr& message, std::size_t header_size) {
  const std::size_t begin = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);
  if (message.nlmsg_len < begin) return {};
  return {reinterpret_cast<const char*>(&message) + begin, message.nlmsg_len - begin};
}

std::optional<std::string_view> Attributes::find(std::uint16_t attribute) const {
  std::string_view left = bytes_;
  while (left.size() >= sizeof(rtattr)) {
    rtattr head;
    left.copy(reinterpret_cast<char*>(&head), sizeof(head));
    if (head.rta_len < sizeof(rtattr) || head.rta_len > left.size()) return std::nullopt;
    if ((head.rta_type & NLA_TYPE_MASK) == attribute)
      return left.substr(RTA_LENGTH(0), head.rta_len - RTA_LENGTH(0));
    left.remove_prefix(std::min<std::size_t>(RTA_ALIGN(head.rta_len), left.size()));
  }
  return std::nullopt;
}

std::string Attributes::text(std::uint16_t attribute) const {
  const auto bytes = find(attribute);
  if (!bytes) return {};
  return std::string(bytes->substr(0, bytes->find('\0')));
}

// ---- the socket ---------------------------------------------------------------------------------

Socket::Socket(unsigned groups) : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
  if (!fd_) throw system_failure("netlink socket", errno);
  const int on = 1;
  // Kernels without it explain less.
  setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw system_failure("netlink bind", errno);
}

int Socket::receive(std::uint32_t sequence, const Visitor& visit) {
  alignas(nlmsghdr) std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      if (errno == EINTR) continue;
      throw system_failure("netlink receive", errno);
    }
    auto left = static_cast<unsigned>(size);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != sequence) continue;
      if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) inconsistent_ = true;
      if (message->nlmsg_type == NLMSG_DONE) {
        const auto* outcome = header_of<int>(*message);
        return outcome == nullptr ? 0 : -*outcome;
      }
      if (message->nlmsg_type == NLMSG_ERROR) {
        const auto* outcome = header_of<nlmsgerr>(*message);
        if (outcome == nullptr) return EPROTO;
        std::size_t skip = NLMSG_HDRLEN + sizeof(nlmsgerr);
        if ((message->nlmsg_flags & NLM_F_CAPPED) == 0)
          skip += outcome->msg.nlmsg_len - sizeof(nlmsghdr);
        if ((message->nlmsg_flags & NLM_F_ACK_TLVS) != 0 && skip < message->nlmsg_len)
          explanation_ = Attributes({reinterpret_cast<const char*>(message) + NLMSG_ALIGN(skip),
                                     message->nlmsg_len - NLMSG_ALIGN(skip)})
                             .text(NLMSGERR_ATTR_MSG);
        return -outcome->error;
      }
      if (visit) visit(*message);
    }
  }
}

int Socket::try_request(Request request) {
  request.header().nlmsg_len = static_cast<std::uint32_t>(request.bytes_.size());
  request.header().nlmsg_flags |= NLM_F_ACK;
  request.header().nlmsg_seq = ++sequence_;
  explanation_.clear();
  if (send(fd_.get(), request.bytes_.data(), request.bytes_.size(), 0) < 0) return errno;
  return receive(sequence_, {});
}

std::string Socket::reason(int error) const {
  std::string text = std::strerror(error);
  if (!explanation_.empty()) text += " (" + explanation_ + ")";
  return text;
}

void Socket::request(Request request, const std::string& what) {
  if (const int error = try_request(std::move(request)))
    throw internal_error(what + ": " + reason(error));
}

bool Socket::get(Request request, const std::string& what, const Visitor& visit) {
  request.header().nlmsg_len = static_cast<std::uint32_t>(request.bytes_.size());
  request.header().nlmsg_flags |= NLM_F_ACK;
  request.header().nlmsg_seq = ++sequence_;
  explanation_.clear();
  if (send(fd_.get(), request.bytes_.data(), request.bytes_.size(), 0) < 0)
    throw system_failure(what, errno);
  const int error = receive(sequence_, visit);
  if (error == ENODEV) return false;
  if (error != 0) throw internal_error(what + ": " + reason(error));
  return true;
}

bool Socket::dump(Request request, const std::string& what, const Visitor& visit) {
  request.header().nlmsg_len = static_cast<std::uint32_t>(request.bytes_.size());
  request.header().nlmsg_flags |= NLM_F_DUMP;
  request.header().nlmsg_seq = ++sequence_;
  explanation_.clear();
  inconsistent_ = false;
  if (send(fd_.get(), request.bytes_.data(), request.bytes_.size(), 0) < 0)
    throw system_failure(what, errno);
  if (const int error = receive(sequence_, visit))
    throw internal_error(what + ": " + reason(error));
  return !inconsistent_;
}

bool Socket::drain() {
  bool complete = true;
  std::array<char, 65536> buffer;
  for (;;) {
    if (recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0) continue;
    if (errno == EINTR) continue;
    if (errno == ENOBUFS) {
      complete = false;
      continue;
    }
    return complete;
  }
}

}  // namespace xcp::network::netlink
