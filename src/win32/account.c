/* account.c: users and groups, known by their SIDs; and what they are allowed.
 *
 * Each object that has a name is made with an access list of its own ("Security Descriptor String Format"): this user,
 * the family's owner, and a group if there is one. The object's owner is set explicitly, too, because a finder judges
 * by it whose the object is. By default the system would take the Administrators for an elevated program (Microsoft,
 * "Default owner", TokenOwner).
 */
#include "win32/account.h"
#include "win32/text.h"
#include "win32/win32.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define ACCOUNT_MAX (sizeof((kin_os_account *)0)->text)

/* A SID's text is ASCII, and never longer than this ("ConvertSidToStringSidW", SECURITY_MAX_SID_STRING_CHARACTERS). */
static kin_status write_sid(kin_os_account *out, PSID sid)
{
    wchar_t *text = NULL;
    if (!ConvertSidToStringSidW(sid, &text)) {
        return kin_win32_fail(GetLastError());
    }
    kin_status status = kin_win32_utf8(out->text, ACCOUNT_MAX, text);
    LocalFree(text);
    return status;
}

static kin_status ask_self(kin_os_account *out)
{
    HANDLE token = NULL;
    DWORD length = 0;
    union {
        TOKEN_USER user;
        unsigned char bytes[SECURITY_MAX_SID_SIZE + sizeof(TOKEN_USER)];
    } info;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
        return kin_win32_fail(GetLastError());
    }
    bool known = GetTokenInformation(token, TokenUser, &info, sizeof info, &length);
    kin_status status = known ? write_sid(out, info.user.User.Sid) : kin_win32_fail(GetLastError());
    CloseHandle(token);
    return status;
}

static INIT_ONCE self_once = INIT_ONCE_STATIC_INIT;
static kin_os_account self_known;

static BOOL CALLBACK know_self(PINIT_ONCE unused, PVOID parameter, PVOID *context)
{
    (void)unused;
    (void)context;
    *(kin_status *)parameter = ask_self(&self_known);
    return *(kin_status *)parameter == KIN_OK;
}

/* A process keeps its user. */
static kin_status find_self(kin_os_account *out)
{
    kin_status status = KIN_OK;
    if (!InitOnceExecuteOnce(&self_once, know_self, &status, NULL)) {
        return status;
    }
    *out = self_known;
    return KIN_OK;
}

static kin_status look_up(kin_os_account *out, const wchar_t *name)
{
    unsigned char sid[SECURITY_MAX_SID_SIZE];
    wchar_t domain[256];
    DWORD size = sizeof sid, domain_size = sizeof domain / sizeof domain[0];
    SID_NAME_USE use;
    if (LookupAccountNameW(NULL, name, sid, &size, domain, &domain_size, &use)) {
        bool has_members =
            use == SidTypeUser || use == SidTypeGroup || use == SidTypeAlias || use == SidTypeWellKnownGroup;
        return has_members ? write_sid(out, sid) : KIN_E_NOT_FOUND;
    }
    DWORD code = GetLastError();
    kin_status status = kin_win32_fail(code);
    return code == ERROR_NONE_MAPPED || code == ERROR_INVALID_PARAMETER ? KIN_E_NOT_FOUND : status;
}

static kin_status find(kin_os_account *out, const char *name)
{
    wchar_t *wide;
    PSID sid = NULL;
    if (name[0] == '\0') {
        return KIN_E_NOT_FOUND;
    }
    kin_status status = kin_win32_utf16(&wide, name);
    if (status != KIN_OK) {
        return status;
    }
    if (wcsncmp(wide, L"S-1-", 4) == 0 && ConvertStringSidToSidW(wide, &sid)) {
        status = write_sid(out, sid);
        LocalFree(sid);
    } else {
        status = look_up(out, wide);
    }
    free(wide);
    return status;
}

kin_status kin_os_user_find(kin_os_account *out, const char *name)
{
    return name ? find(out, name) : find_self(out);
}

kin_status kin_os_group_find(kin_os_account *out, const char *name)
{
    if (strcmp(name, "*") == 0) {
        *out = (kin_os_account){"*"};
        return KIN_OK;
    }
    return find(out, name);
}

bool kin_os_account_sound(const kin_os_account *account)
{
    if (!memchr(account->text, '\0', ACCOUNT_MAX)) {
        return false;
    }
    return account->text[0] == '\0' || strcmp(account->text, "*") == 0 ||
           (strncmp(account->text, "S-1-", 4) == 0 && strspn(account->text, "S0123456789-") == strlen(account->text));
}

/* ---- access ---- */

static int add(wchar_t *text, size_t room, int used, const wchar_t *rights, const char *whom)
{
    int more = used < 0 ? -1 : swprintf(text + used, room - (size_t)used, L"(A;;%ls;;;%hs)", rights, whom);
    return more < 0 ? -1 : used + more;
}

/* AU: all users who have logged in. */
bool kin_win32_access(SECURITY_ATTRIBUTES *out, const kin_os_access *access, const wchar_t *rights)
{
    kin_os_account self;
    wchar_t text[4 * ACCOUNT_MAX];
    const size_t room = sizeof text / sizeof text[0];
    const char *owner = access->owner.text, *group = access->group.text;
    *out = (SECURITY_ATTRIBUTES){.nLength = sizeof *out};
    if (find_self(&self) != KIN_OK) {
        return false;
    }
    int used = swprintf(text, room, L"O:%hsD:P", self.text);
    used = add(text, room, used, L"GA", self.text);
    if (kin_os_account_given(&access->owner) && strcmp(owner, self.text) != 0) {
        used = add(text, room, used, rights, owner);
    }
    if (kin_os_account_given(&access->group)) {
        used = add(text, room, used, rights, strcmp(group, "*") == 0 ? "AU" : group);
    }
    return used > 0 && ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1,
                                                                            &out->lpSecurityDescriptor, NULL);
}

static bool owner_of(HANDLE object, kin_os_account *out)
{
    PSID sid = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    DWORD code =
        GetSecurityInfo(object, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &sid, NULL, NULL, NULL, &descriptor);
    if (code != ERROR_SUCCESS) {
        return false;
    }
    bool known = sid && write_sid(out, sid) == KIN_OK;
    LocalFree(descriptor);
    return known;
}

bool kin_win32_is_owned(HANDLE object, const kin_os_account *owner)
{
    kin_os_account found;
    return owner_of(object, &found) && strcmp(found.text, owner->text) == 0;
}

/* FNV-1a. */
static uint64_t number_of(const kin_os_account *account)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = account->text; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    return hash;
}

uint64_t kin_win32_user_number(void)
{
    kin_os_account self;
    return find_self(&self) == KIN_OK ? number_of(&self) : 0;
}

uint64_t kin_win32_owner_number(HANDLE object)
{
    kin_os_account owner;
    return owner_of(object, &owner) ? number_of(&owner) : 0;
}
