# The form of the module's access control: a master admin sets the permissions of each user of the module.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our (%text, @permissions);

# acl_security_form(&access) Prints the rows of the form.
sub acl_security_form {
    my ($access) = @_;
    for my $permission (@permissions) {
        print ui_table_row($text{"acl_$permission"}, ui_yesno_radio($permission, $access->{$permission} ? 1 : 0));
    }
}

# acl_security_save(&access, &in) Copies the submitted values into the access control.
sub acl_security_save {
    my ($access, $in) = @_;
    $access->{$_} = $in->{$_} ? 1 : 0 for @permissions;
}

1;
