<#ftl output_format="plainText" strip_whitespace=true>
<#import "template.ftl" as layout>
<@layout.oneLink title=msg("ellUpdateTitle") why=msg("ellUpdateWhy") action=msg("ellTextLink", msg("ellUpdateButton")) notMe=msg("ellUpdateNotMe")/>
