<#import "template.ftl" as layout>
<#import "../common.ftl" as common>
<@layout.emailLayout title=msg("ellUpdateTitle") preheader=msg("ellUpdateWhy")>
  <@layout.paragraph>${msg("ellUpdateWhy")}</@layout.paragraph>
  <@layout.button href=link label=msg("ellUpdateButton")/>
  <@layout.paragraph>${msg("ellLifetime", common.lifetime(linkExpiration))}</@layout.paragraph>
  <@layout.heading>${msg("ellNotMeTitle")}</@layout.heading>
  <@layout.paragraph>${msg("ellUpdateNotMe")}</@layout.paragraph>
  <@layout.plainLink href=link/>
</@layout.emailLayout>
