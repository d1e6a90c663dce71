# The module's access control: what a master admin lets each user of the module do.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our (%text, @permissions);

# acl_security_form(&access) Prints the form's rows.
sub acl_security_form {
    my ($access) = @_;
    for my $permission (@permissions) {
        print ui_table_row($text{"acl_$permission"}, ui_yesno_radio($permission, $access->{$permission} ? 1 : 0));
    }
}

# acl_security_save(&access, &in) Takes over what was chosen.
sub acl_security_save {
    my ($access, $in) = @_;
    $access->{$_} = $in->{$_} ? 1 : 0 for @permissions;
}

1;
