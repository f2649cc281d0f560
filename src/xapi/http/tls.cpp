// SPDX-License-Identifier: GPL-2.0-or-later
// TLS 1.2 and 1.3 through OpenSSL straight on the socket. An idle connection holds no record
// buffers; small pieces leave coalesced in full records.
#include "xapi/http/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/failure.hpp"

namespace xcp::http {

namespace {

constexpr std::size_t record_bytes = 16 * 1024;

// For TLS 1.2; the first two are what older management clients insist on, and need an RSA key.
constexpr const char* tls12_suites =
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305";
constexpr const char* key_exchange_groups = "X25519:P-256:P-384";

std::string last_error() {
  char text[256] = "unknown error";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return text;
}

class TlsStream final : public Stream {
 public:
  TlsStream(SSL_CTX* context, UniqueFd socket)
      : socket_(std::move(socket)), ssl_(SSL_new(context)) {
    if (ssl_ == nullptr || SSL_set_fd(ssl_, socket_.get()) != 1) {
      SSL_free(ssl_);
      throw internal_error("TLS connection: " + last_error());
    }
    SSL_set_accept_state(ssl_);
  }
  ~TlsStream() override { SSL_free(ssl_); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  int fd() const override { return socket_.get(); }

  IoResult handshake() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    return result == 1 ? IoResult{} : IoResult{failed(result)};
  }

  IoResult read(char* buffer, std::size_t size) override {
    std::size_t total = 0;
    while (total < size) {
      if (input_end_ != IoStatus::Ok) break;
      ERR_clear_error();
      std::size_t n = 0;
      const int result = SSL_read_ex(ssl_, buffer + total, size - total, &n);
      if (result == 1) {
        total += n;
        continue;
      }
      const IoStatus status = failed(result);
      if (status == IoStatus::End || status == IoStatus::Broken) {
        input_end_ = status;
      } else if (total == 0) {
        return {status};
      } else {
        break;
      }
    }
    if (total != 0) return {IoStatus::Ok, total};
    return {input_end_};
  }

  IoResult write(const iovec* parts, std::size_t count) override {
    std::size_t total = 0;
    std::size_t offset = 0;  // into parts[0]
    while (count != 0) {
      const std::string_view record = next_record(parts, count, offset);
      if (record.empty()) break;
      ERR_clear_error();
      std::size_t n = 0;
      const int result = SSL_write_ex(ssl_, record.data(), record.size(), &n);
      if (result != 1) {
        const IoStatus status = failed(result);
        if (total == 0 || status == IoStatus::Broken) return {status};
        break;
      }
      total += n;
      for (n += offset, offset = 0; count != 0 && n >= parts->iov_len; ++parts, --count)
        n -= parts->iov_len;
      offset = n;
    }
    return {IoStatus::Ok, total};
  }

  bool has_buffered_input() const override {
    return input_end_ != IoStatus::Ok || SSL_has_pending(ssl_) == 1;
  }

  void close_writing() override {
    if (!fatal_ && SSL_is_init_finished(ssl_)) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
      ERR_clear_error();
    }
    shutdown(socket_.get(), SHUT_WR);
  }

  bool client_speaks_plain_http() const override { return plain_http_; }

 private:
  // The next bytes as one run of at most a record: in place when the first part fills it.
  static std::string_view next_record(const iovec* parts, std::size_t count, std::size_t offset) {
    const char* first = static_cast<const char*>(parts->iov_base) + offset;
    const std::size_t first_bytes = parts->iov_len - offset;
    if (first_bytes >= record_bytes) return {first, record_bytes};
    if (count == 1) return {first, first_bytes};
    static thread_local char record[record_bytes];
    std::size_t size = 0;
    for (; count != 0 && size < record_bytes; ++parts, --count, offset = 0) {
      const std::size_t n = std::min(parts->iov_len - offset, record_bytes - size);
      std::memcpy(record + size, static_cast<const char*>(parts->iov_base) + offset, n);
      size += n;
    }
    return {record, size};
  }

  IoStatus failed(int result) {
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        return IoStatus::WantRead;
      case SSL_ERROR_WANT_WRITE:
        return IoStatus::WantWrite;
      case SSL_ERROR_ZERO_RETURN:
        return IoStatus::End;
      case SSL_ERROR_SYSCALL:
        fatal_ = true;
        return IoStatus::Broken;
      default:
        break;
    }
    fatal_ = true;
    const int reason = ERR_GET_REASON(ERR_peek_error());
    plain_http_ = reason == SSL_R_HTTP_REQUEST;
    ERR_clear_error();
    // Many clients close the socket without a word; for HTTP, lengths tell what is complete.
    return reason == SSL_R_UNEXPECTED_EOF_WHILE_READING ? IoStatus::End : IoStatus::Broken;
  }

  UniqueFd socket_;
  SSL* ssl_;
  IoStatus input_end_ = IoStatus::Ok;  // End or Broken once reading is over
  bool fatal_ = false;                 // OpenSSL forbids SSL_shutdown from here on
  bool plain_http_ = false;
};

}  // namespace

struct TlsContext::Impl {
  SSL_CTX* context = nullptr;
  ~Impl() { SSL_CTX_free(context); }
};

TlsContext::TlsContext(const std::string& pem_path) : impl_(std::make_unique<Impl>()) {
  ERR_clear_error();
  SSL_CTX* context = impl_->context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) throw internal_error("TLS: " + last_error());
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Resumption works by tickets; the server remembers nothing.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, tls12_suites) != 1 ||
      SSL_CTX_set1_groups_list(context, key_exchange_groups) != 1)
    throw internal_error("TLS settings: " + last_error());
  if (SSL_CTX_use_certificate_chain_file(context, pem_path.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, pem_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1)
    throw internal_error("certificate " + pem_path + ": " + last_error());
}

TlsContext::~TlsContext() = default;

std::unique_ptr<Stream> TlsContext::accept(UniqueFd socket) const {
  if (fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) throw system_failure("fcntl", errno);
  return std::make_unique<TlsStream>(impl_->context, std::move(socket));
}

}  // namespace xcp::http
