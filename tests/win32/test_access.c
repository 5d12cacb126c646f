/* Access to objects that have names. Tested under Wine, which has one user, and accepts any user as an object's
 * owner. */
#include "support.h"

#include <aclapi.h>
#include <sddl.h>
#include <wchar.h>
#include <windows.h>

#include "os.h"

#define NAME "access"
#define GUESTS "S-1-5-32-546"

static kin_os_account self;

static kin_status open_for(kin_family **out, const char *group)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.group = group;
    return kin_family_open(out, NAME, 0, &options);
}

/* Owner and access list, as text. */
static char *access_of(const wchar_t *object)
{
    static char narrow[1024];
    PSECURITY_DESCRIPTOR descriptor = NULL;
    wchar_t *text = NULL;
    const SECURITY_INFORMATION what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    HANDLE section = OpenFileMappingW(FILE_MAP_READ | READ_CONTROL, FALSE, object);
    assert_non_null(section);
    assert_int_equal(GetSecurityInfo(section, SE_KERNEL_OBJECT, what, NULL, NULL, NULL, NULL, &descriptor), 0);
    assert_true(ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, what, &text, NULL));
    snprintf(narrow, sizeof narrow, "%ls", text);
    LocalFree(text);
    LocalFree(descriptor);
    CloseHandle(section);
    return narrow;
}

static void arena_name(wchar_t out[64], kin_family *family, const wchar_t *scope)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(family, &info));
    int used = swprintf(out, 64, L"%ls\\kin-", scope);
    for (size_t i = 0; i < sizeof info.id; i++) {
        used += swprintf(out + used, 64 - (size_t)used, L"%02x", info.id[i]);
    }
}

static int count_entries(const char *access)
{
    int count = 0;
    for (const char *entry = access; (entry = strstr(entry, "(A;")) != NULL; entry++) {
        count++;
    }
    return count;
}

/* By default Everyone may read. */
static void pipes_are_their_makers_alone(void **state)
{
    (void)state;
    kin_os_pipe ends[2];
    PACL list = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    assert_ok(kin_os_pipe_create(ends));
    assert_int_equal(GetSecurityInfo(ends[0].pipe, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &list, NULL,
                                     &descriptor),
                     0);
    assert_non_null(list);
    assert_int_equal(list->AceCount, 1);
    LocalFree(descriptor);
    kin_os_pipe_close(&ends[0]);
    kin_os_pipe_close(&ends[1]);
}

/* Wine lets them be read all the same: the status is looked at. */
static void sections_that_are_reserved_only_are_refused(void **state)
{
    (void)state;
    kin_os_pipe ends[2], adopted;
    kin_os_handle handles[KIN_OS_PIPE_HANDLES];
    assert_ok(kin_os_pipe_create(ends));
    kin_os_pipe_handles(&ends[1], handles);
    assert_ok(kin_os_handle_duplicate(&handles[0], handles[0]));
    handles[1] = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0, 65536, NULL);
    assert_non_null(handles[1]);
    assert_status(kin_os_pipe_adopt(&adopted, handles, 1), KIN_E_DAMAGED);
    kin_os_pipe_close(&ends[0]);
    kin_os_pipe_close(&ends[1]);
}

static void only_those_asked_for_have_access(void **state)
{
    (void)state;
    static const struct {
        const char *group, *listed;
        const wchar_t *scope;
    } cases[] = {{NULL, NULL, L"Local"}, {"*", ";;;AU)", L"Global"}, {GUESTS, ";;;BG)", L"Global"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wchar_t arena[64], card[300];
        kin_family *family = NULL;
        assert_ok(open_for(&family, cases[i].group));
        arena_name(arena, family, cases[i].scope);
        swprintf(card, 300, L"%ls\\kin-%hs-" NAME, cases[i].scope, self.text);
        const wchar_t *objects[] = {arena, card};
        for (int k = 0; k < 2; k++) {
            const char *access = access_of(objects[k]);
            assert_non_null(strstr(access, "O:"));
            assert_int_equal(count_entries(access), cases[i].group ? 2 : 1);
            assert_true(!cases[i].listed || strstr(access, cases[i].listed));
        }
        kin_family_close(family);
    }
}

/* What of that name is another user's is neither used nor waited for. */
static void squatted_name_is_refused(void **state)
{
    (void)state;
    static const wchar_t *const scopes[] = {L"Local", L"Global"};
    SECURITY_ATTRIBUTES guests = {.nLength = sizeof guests};
    kin_family *family = NULL;
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:BGD:(A;;GA;;;WD)", SDDL_REVISION_1,
                                                                     &guests.lpSecurityDescriptor, NULL));
    for (int i = 0; i < 2; i++) {
        wchar_t name[300];
        swprintf(name, 300, L"%ls\\kin-%hs-" NAME, scopes[i], self.text);
        HANDLE card = CreateFileMappingW(INVALID_HANDLE_VALUE, &guests, PAGE_READWRITE, 0, 16, name);
        assert_non_null(card);
        assert_status(open_for(&family, i ? "*" : NULL), KIN_E_PERMISSION);
        assert_true(CloseHandle(card));

        swprintf(name, 300, L"%ls\\kin-%hs-", scopes[i], self.text);
        HANDLE mutex = CreateMutexW(&guests, TRUE, name); /* and it is held, by a thread that does not give it back */
        assert_non_null(mutex);
        assert_status(open_for(&family, i ? "*" : NULL), KIN_E_PERMISSION);
        assert_true(CloseHandle(mutex));
    }
    LocalFree(guests.lpSecurityDescriptor);
}

static void owner_may_be_named(void **state)
{
    (void)state;
    kin_family *family = NULL, *again = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.owner = self.text;
    assert_ok(open_for(&family, "*"));
    assert_ok(kin_family_open(&again, NAME, KIN_FAMILY_JOIN, &options));
    assert_ptr_equal(again, family);
    kin_family_close(again);
    options.owner = GUESTS;
    assert_status(kin_family_open(&again, NAME, KIN_FAMILY_JOIN, &options), KIN_E_NOT_FOUND);
    kin_family_close(family);
}

static void bad_groups_and_owners_are_refused(void **state)
{
    (void)state;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    assert_status(open_for(&family, ""), KIN_E_NOT_FOUND);
    assert_status(open_for(&family, "no such group"), KIN_E_NOT_FOUND);
    assert_status(open_for(&family, "S-1-x"), KIN_E_NOT_FOUND);
    assert_status(open_for(&family, "\xff"), KIN_E_ARGUMENT);
    options.owner = "no such user";
    assert_status(kin_family_open(&family, NAME, 0, &options), KIN_E_ARGUMENT); /* nobody makes it for another */
    assert_status(kin_family_open(&family, NAME, KIN_FAMILY_JOIN, &options), KIN_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_that_are_reserved_only_are_refused),
        cmocka_unit_test(pipes_are_their_makers_alone),
        cmocka_unit_test(only_those_asked_for_have_access),
        cmocka_unit_test(squatted_name_is_refused),
        cmocka_unit_test(owner_may_be_named),
        cmocka_unit_test(bad_groups_and_owners_are_refused),
    };
    if (kin_os_user_find(&self, NULL) != KIN_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
