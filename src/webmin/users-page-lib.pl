# The links on Virtualmin's pages of users: those in the table and in the form of a user, and those below the table, for which
# Virtualmin has no plugin function.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our (%text, $module_name);

# A mailbox is new for this long after its creation, in seconds.
my $new_for = 24 * 60 * 60;

# The largest number of new mailboxes whose sheets the page links to: the link has all their user names.
my $max_new = 100;

# About the table being shown: Virtualmin's own text beside "Show Email Client Settings", the home folders created lately, as
# the keys of a hash, and the user names of the new mailboxes in the rows so far.
my ($description, %new_homes, @new_logins);

# has_mailboxes(&domain) Returns whether a domain can have mailboxes.
sub has_mailboxes {
    my ($d) = @_;
    return $d->{'mail'} && !$d->{'alias'};
}

# has_setup(&domain) Returns whether the viewer can see the mail client setup of a domain: it has mail, and they may see it.
sub has_setup {
    my ($d) = @_;
    return has_mailboxes($d) && foreign_available($module_name) && may('see');
}

# may(permission) Returns whether the viewer has a permission.
sub may {
    my ($permission) = @_;
    return scalar(grep { $_ eq $permission } granted_permissions());
}

# domain_path(&domain) Returns the path of the page of a domain, below the address of the module.
sub domain_path {
    my ($d) = @_;
    return 'index.cgi/domains/' . urlize($d->{'dom'});
}

# domain_page(&domain) Returns the address of the page of a domain.
sub domain_page {
    my ($d) = @_;
    return module_address() . '/' . domain_path($d);
}

# mailbox_page(&user, &domain) Returns the address of the page of a mailbox.
sub mailbox_page {
    my ($user, $d) = @_;
    return domain_page($d) . '/mailboxes/' . urlize($user->{'user'});
}

# html_link(address, words) Returns the HTML of a link.
sub html_link {
    my ($address, $words) = @_;
    return "<a href='" . html_escape($address) . "'>" . html_escape($words) . '</a>';
}

# form_row(&user, &domain) Returns the HTML of a row for the form of a user, with a link. Virtualmin puts it into a section that
# is closed at first, where nobody would find it. The script opens that section: it is a <details> in the gray theme, and in
# Authentic a part of the page that a function of the theme opens.
sub form_row {
    my ($user, $d) = @_;
    my $link = html_link(mailbox_page($user, $d), $text{'user_link'});
    return ui_table_row(html_escape($text{'index_title'}), "<span class='mcs-mailbox-link'>$link</span>" . <<'SCRIPT');
<script>
(function (link) {
  var details = link.closest('details');
  var section = link.closest('.opener_hidden');
  if (details) details.open = true;
  else if (section) hidden_opener(section.id, section.id.replace('div', 'opener'));
})(document.querySelector('.mcs-mailbox-link'));
</script>
SCRIPT
}

# begin_links_below_table(&domain) Adds links to the text beside the button "Show Email Client Settings". Virtualmin prints that
# text, as HTML, after the table.
sub begin_links_below_table {
    my ($d) = @_;
    $description //= $virtual_server::text{'users_mailclientdesc'} // '';
    %new_homes  = may('print') ? new_homes($d) : ();
    @new_logins = ();
    write_links($d);
}

# add_row_to_links(&user, &domain) Adds a mailbox of the table to the link to the sheets of the new ones, if it is new.
sub add_row_to_links {
    my ($user, $d) = @_;
    return if !$new_homes{ $user->{'home'} // '' };
    push(@new_logins, $user->{'user'});
    write_links($d);
}

# write_links(&domain) Sets the text beside the button.
sub write_links {
    my ($d) = @_;
    my @lines = ($description, text('users_page_all', html_link(domain_page($d), $text{'index_title'})));
    if (@new_logins) {
        my $sheets = domain_page($d) . '/sheets?' . join('&', map { 'login=' . urlize($_) } @new_logins);
        my $words = @new_logins == 1 ? $text{'users_page_new_one'} : text('users_page_new_many', scalar(@new_logins));
        push(@lines, html_link($sheets, $words));
    }
    # One element: Authentic lays out each child of the description as a box of its own.
    $virtual_server::text{'users_mailclientdesc'} = '<span>' . join('<br>', @lines) . '</span>';
}

# new_homes(&domain) Returns the home folders of new mailboxes as the keys of a hash. Virtualmin does not record when a mailbox
# was created: this is the time at which its folder was, which ext4, XFS and Btrfs know. Without such times there are none.
sub new_homes {
    my ($d) = @_;
    return () if ($d->{'home'} // '') eq '';
    no warnings 'once';
    my $homes = "$d->{'home'}/$virtual_server::config{'homes_dir'}";
    my $since = time() - $new_for;
    opendir(my $folder, $homes) or return ();
    # Its last change is not before its creation, and needs no other program.
    my @changed = grep { ((lstat($_))[10] // 0) >= $since } map { "$homes/$_" } grep { !/^\./ } readdir($folder);
    return () if !@changed;
    open(my $times, '-|', 'stat', '--printf=%W %n\0', @changed) or return ();
    local $/ = "\0";
    my %new = map { /^(\d+) (.*)\0$/s && $1 >= $since ? ($2 => 1) : () } <$times>;
    return keys(%new) > $max_new ? () : %new;
}

1;
